// Provides the vector of a search query: from a cache, or embedded by the fleet once for all
// searches that wait for it.

import { BoundedMap } from '#core/collections/bounded-map.ts';
import type { EmbeddingService } from '#core/ports.ts';
import { ProblemError } from '../http/problem-document.ts';

export type QueryVectorsOptions = {
  readonly embedding: EmbeddingService;
  /** Read at every use, because the settings may change. */
  readonly limits: {
    /** Cached vectors; the least recently used one is dropped first. */
    readonly queryCacheMax: number;
    /** How long a query may wait, counted from the first search that asks for it. */
    readonly waitMsMax: number;
  };
  /** Whether any runner can embed now: distinguishes "no runner" from "all runners busy". */
  readonly runnerReady: () => boolean;
};

/** A query that the fleet is embedding. */
type InFlightQuery = {
  readonly vector: Promise<Float32Array>;
  /** Called by each search that stops waiting; the last one cancels the embedding. */
  readonly leave: () => void;
  waiting: number;
};

export class QueryVectors {
  readonly #options: QueryVectorsOptions;
  /** Vectors in order of last use. */
  readonly #cached: BoundedMap<string, Float32Array>;
  readonly #inFlight = new Map<string, InFlightQuery>();

  constructor(options: QueryVectorsOptions) {
    this.#options = options;
    this.#cached = new BoundedMap(() => options.limits.queryCacheMax);
  }

  /**
   * `query` must be normalised.
   *
   * @throws ProblemError 503 when no runner answers in time or the client's signal aborts, 422 when
   *   no runner can embed the query
   */
  async vector(query: string, signal: AbortSignal): Promise<Float32Array> {
    const cached = this.#cached.get(query);
    if (cached !== undefined) {
      this.#cached.set(query, cached);
      return cached;
    }
    const inFlight = this.#inFlight.get(query) ?? this.#start(query);
    inFlight.waiting += 1;
    signal.addEventListener('abort', inFlight.leave, { once: true });
    try {
      return await inFlight.vector;
    } finally {
      signal.removeEventListener('abort', inFlight.leave);
    }
  }

  /** Whether its vector is cached, or a runner is there to embed it; `query` as for `vector`. */
  canAnswer(query: string): boolean {
    return this.#cached.get(query) !== undefined || this.#options.runnerReady();
  }

  /** Empties the cache. Called when a runner that embedded some of these queries was wrong. */
  clear(): void {
    this.#cached.clear();
  }

  #start(query: string): InFlightQuery {
    const abandoned = new AbortController();
    const end = (): void => {
      if (this.#inFlight.get(query) === inFlight) this.#inFlight.delete(query);
    };
    const vector = this.#embed(query, abandoned.signal)
      .then((embedded) => {
        this.#cached.set(query, embedded);
        return embedded;
      })
      .finally(end);
    const leave = (): void => {
      inFlight.waiting -= 1;
      if (inFlight.waiting > 0) return;
      // A later search for the same query starts a new embedding.
      end();
      abandoned.abort();
    };
    const inFlight: InFlightQuery = { vector, leave, waiting: 0 };
    this.#inFlight.set(query, inFlight);
    return inFlight;
  }

  async #embed(query: string, signal: AbortSignal): Promise<Float32Array> {
    const { embedding, limits } = this.#options;
    const { waitMsMax } = limits;
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
      throw this.#tooLate(waitMsMax);
    }
  }

  #tooLate(waitMsMax: number): ProblemError {
    const reason = this.#options.runnerReady() ? 'runners_busy' : 'no_runner';
    const detail =
      reason === 'no_runner'
        ? `No runner became ready to embed the query within ${waitMsMax} ms. ` +
          'GET /runners shows the fleet; npm run runner starts a runner.'
        : `The runners are busy: the query was not embedded within ${waitMsMax} ms.`;
    return new ProblemError({ status: 503, code: reason, detail, retryAfter: 2, more: { reason } });
  }
}
