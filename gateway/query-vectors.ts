// Gives a search its query's vector: from memory when it was asked before, else from the fleet within a bounded wait.
import type { EmbeddingService } from '#core/ports.ts';
import { ProblemError } from './middleware/problem.ts';

export type QueryVectorsOptions = {
  readonly embedding: EmbeddingService;
  /** Vectors kept; the one unused for longest goes first. */
  readonly cacheMax: number;
  readonly waitMsMax: number;
  /** Whether any runner is there to embed: tells apart "none" from "all busy". */
  readonly runnerReady: () => boolean;
};

export class QueryVectors {
  readonly #options: QueryVectorsOptions;
  /** In order of last use: a Map keeps the order of insertion. */
  readonly #known = new Map<string, Float32Array>();

  constructor(options: QueryVectorsOptions) {
    this.#options = options;
  }

  /** `query` is normalised. Throws `ProblemError`: 503 when no runner answers in time or the client's signal aborts, 422 when none can. */
  async vector(query: string, signal: AbortSignal): Promise<Float32Array> {
    const known = this.#known.get(query);
    if (known !== undefined) {
      this.#known.delete(query);
      this.#known.set(query, known);
      return known;
    }
    const vector = await this.#embed(query, signal);
    this.#known.set(query, vector);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= this.#options.cacheMax) break;
      this.#known.delete(oldest);
    }
    return vector;
  }

  /** Forgets everything: a runner that answered some of these was found wrong. */
  clear(): void {
    this.#known.clear();
  }

  async #embed(query: string, signal: AbortSignal): Promise<Float32Array> {
    const { embedding, waitMsMax, runnerReady } = this.#options;
    const timeout = AbortSignal.timeout(waitMsMax);
    try {
      const result = await embedding.embed(query, { priority: 'search', signal: AbortSignal.any([signal, timeout]) });
      if (result.ok) return result.embedding.vector;
      throw new ProblemError({ status: 422, code: 'embedding_failed', detail: `No runner could embed this query: ${result.message}` });
    } catch (error) {
      if (error instanceof ProblemError || !(timeout.aborted || signal.aborted)) throw error;
      const reason = runnerReady() ? 'runners_busy' : 'no_runner';
      const detail = reason === 'no_runner'
        ? `No runner is ready to embed the query; waited ${waitMsMax} ms. GET /runners shows the fleet; npm run runner starts one.`
        : `The runners are busy; the query waited ${waitMsMax} ms for one.`;
      throw new ProblemError({ status: 503, code: reason, detail, retryAfter: 2, more: { reason } });
    }
  }
}
