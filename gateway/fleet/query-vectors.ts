// Gives a search its query's vector: from memory when it was asked before, else from the fleet,
// once for all who wait for it.

import type { EmbeddingService } from '#core/ports.ts';
import { ProblemError } from '../http/problem-document.ts';

export type QueryVectorsOptions = {
  readonly embedding: EmbeddingService;
  /** Read at every use: they may change. */
  readonly limits: {
    /** Vectors kept; the one unused for longest goes first. */
    readonly queryCacheMax: number;
    /** Counted from the first who asks for a query. */
    readonly waitMsMax: number;
  };
  /** Whether any runner is there to embed: tells apart "none" from "all busy". */
  readonly runnerReady: () => boolean;
};

type Flight = {
  readonly vector: Promise<Float32Array>;
  /** Called by each who does not wait any more; the last one ends it. */
  readonly leave: () => void;
  waiting: number;
};

export class QueryVectors {
  readonly #options: QueryVectorsOptions;
  /** In order of last use: a Map keeps the order of insertion. */
  readonly #known = new Map<string, Float32Array>();
  readonly #flights = new Map<string, Flight>();

  constructor(options: QueryVectorsOptions) {
    this.#options = options;
  }

  /**
   * `query` is normalised. Throws `ProblemError`: 503 when no runner answers in time or the
   * client's signal aborts, 422 when none can.
   */
  async vector(query: string, signal: AbortSignal): Promise<Float32Array> {
    const known = this.#known.get(query);
    if (known !== undefined) {
      this.#known.delete(query);
      this.#known.set(query, known);
      return known;
    }
    const flight = this.#flights.get(query) ?? this.#begin(query);
    flight.waiting += 1;
    signal.addEventListener('abort', flight.leave, { once: true });
    try {
      return await flight.vector;
    } finally {
      signal.removeEventListener('abort', flight.leave);
    }
  }

  /** Forgets everything: a runner that answered some of these was found wrong. */
  clear(): void {
    this.#known.clear();
  }

  #begin(query: string): Flight {
    const abandoned = new AbortController();
    const end = (): void => {
      if (this.#flights.get(query) === flight) this.#flights.delete(query);
    };
    const vector = this.#embed(query, abandoned.signal)
      .then((embedded) => {
        this.#keep(query, embedded);
        return embedded;
      })
      .finally(end);
    const leave = (): void => {
      flight.waiting -= 1;
      if (flight.waiting > 0) return;
      // Whoever asks from now on begins anew.
      end();
      abandoned.abort();
    };
    const flight: Flight = { vector, leave, waiting: 0 };
    this.#flights.set(query, flight);
    return flight;
  }

  #keep(query: string, vector: Float32Array): void {
    this.#known.set(query, vector);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= this.#options.limits.queryCacheMax) break;
      this.#known.delete(oldest);
    }
  }

  async #embed(query: string, signal: AbortSignal): Promise<Float32Array> {
    const {
      embedding,
      limits: { waitMsMax },
      runnerReady,
    } = this.#options;
    const timeout = AbortSignal.timeout(waitMsMax);
    try {
      const result = await embedding.embed(query, {
        priority: 'search',
        signal: AbortSignal.any([signal, timeout]),
      });
      if (result.ok) return result.embedding.vector;
      throw new ProblemError({
        status: 422,
        code: 'embedding_failed',
        detail: `No runner could embed this query: ${result.message}`,
      });
    } catch (error) {
      if (error instanceof ProblemError || !(timeout.aborted || signal.aborted)) throw error;
      const reason = runnerReady() ? 'runners_busy' : 'no_runner';
      const detail =
        reason === 'no_runner'
          ? `No runner is ready to embed the query; waited ${waitMsMax} ms. GET /runners shows the fleet; npm run runner starts one.`
          : `The runners are busy; the query waited ${waitMsMax} ms for one.`;
      throw new ProblemError({
        status: 503,
        code: reason,
        detail,
        retryAfter: 2,
        more: { reason },
      });
    }
  }
}
