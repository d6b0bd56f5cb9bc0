// Compares samples of untrusted work with a trusted runner's vectors of the same texts.

import type { Clock } from '#core/ports.ts';
import { startDeadline } from '#core/time/deadline.ts';
import { agreementMin, boundsOf, type CrossCheckResult } from '#core/trust/agreement.ts';
import type { GoldenBounds } from '#core/trust/golden.ts';
import type { AnsweredText } from '#core/trust/sampler.ts';
import { cosine } from '#core/vectors/vector.ts';
import type { EmbeddingQueue } from './embedding-queue.ts';

export type CrossChecksOptions = {
  readonly queue: EmbeddingQueue;
  /** Bounds by dtype. */
  readonly bounds: Readonly<Record<string, GoldenBounds>>;
  readonly clock: Clock;
  /** How long a sample may wait for a trusted runner. Read at every use. */
  readonly waitMsMax: number;
  readonly onResult: (result: CrossCheckResult) => void;
};

/** `unknown`: no trusted runner answered in time. */
export type CheckVerdict = { readonly wrong: string } | 'right' | 'unknown';

/** Samples that wait at once; further ones are dropped. Each holds a text and a vector. */
const waitingMax = 1_024;

export class CrossChecks {
  readonly #options: CrossChecksOptions;
  #waiting = 0;

  constructor(options: CrossChecksOptions) {
    this.#options = options;
  }

  /**
   * Returns why the sample is wrong, `'right'`, or `'unknown'` when no trusted runner answered in
   * time. The job of a trusted runner also carries canaries: if it fails them, its answer is not
   * used.
   */
  async compare(
    { text, vector }: AnsweredText,
    dtype: string,
    lane: 'first-check' | 'cross-check',
  ): Promise<CheckVerdict> {
    const { onResult, bounds } = this.#options;
    const trusted = await this.#embed(text, lane);
    if (trusted === null) {
      onResult('dropped');
      return 'unknown';
    }
    const cosineMin = agreementMin(boundsOf(bounds, dtype), boundsOf(bounds, trusted.dtype));
    const found = cosine(vector, trusted.vector);
    onResult(found >= cosineMin ? 'agreed' : 'differed');
    if (found >= cosineMin) return 'right';
    return {
      wrong:
        `vectors are wrong: one has the cosine ${found.toFixed(3)} to a trusted runner's ` +
        `(at least ${cosineMin.toFixed(3)})`,
    };
  }

  /** Embeds the text on a trusted runner; `null` when that fails or takes too long. */
  async #embed(
    text: string,
    lane: 'first-check' | 'cross-check',
  ): Promise<{ readonly vector: Float32Array; readonly dtype: string } | null> {
    const { queue, clock, waitMsMax } = this.#options;
    if (this.#waiting >= waitingMax) return null;
    this.#waiting += 1;
    using deadline = startDeadline({
      ms: waitMsMax,
      clock,
      reason: () => new Error(`no trusted runner answered within ${waitMsMax} ms`),
    });
    try {
      const { signal } = deadline;
      const result = await queue.embed(text, { priority: lane, signal });
      return result.ok
        ? { vector: result.embedding.vector, dtype: result.embedding.provenance.dtype }
        : null;
    } catch {
      return null;
    } finally {
      this.#waiting -= 1;
    }
  }
}
