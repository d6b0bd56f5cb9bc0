// Has samples of untrusted work embedded again by a trusted runner, and says of each whether both
// agree.

import type { Clock } from '#core/ports.ts';
import { agreementMin, boundsOf, type CrossCheckResult } from '#core/trust/agreement.ts';
import type { GoldenBounds } from '#core/trust/golden.ts';
import type { Sample } from '#core/trust/sampler.ts';
import { cosine } from '#core/vectors/vector.ts';
import type { EmbeddingQueue } from './embedding-queue.ts';

export type CrossChecksOptions = {
  readonly service: EmbeddingQueue;
  readonly bounds: Readonly<Record<string, GoldenBounds>>;
  readonly clock: Clock;
  /** How long a sample may wait for a trusted runner. */
  readonly waitMsMax: number;
  readonly told: (result: CrossCheckResult) => void;
};

/** Samples that wait at once; one more is dropped. Each holds a text and a vector. */
const waitingMax = 1_024;

export class CrossChecks {
  readonly #options: CrossChecksOptions;
  #waiting = 0;

  constructor(options: CrossChecksOptions) {
    this.#options = options;
  }

  /**
   * Why the sample is wrong, `null` when it is right, `'unknown'` when no trusted runner could tell
   * in time. The trusted runner's own canaries came in the same job: one that is wrong itself has
   * no say.
   */
  async compare(
    { text, vector }: Sample,
    dtype: string,
  ): Promise<{ readonly wrong: string } | 'right' | 'unknown'> {
    const { told } = this.#options;
    const trusted = await this.#embedAgain(text);
    if (trusted === null) {
      told('dropped');
      return 'unknown';
    }
    const { bounds } = this.#options;
    const least = agreementMin(boundsOf(bounds, dtype), boundsOf(bounds, trusted.dtype));
    const found = cosine(vector, trusted.vector);
    told(found >= least ? 'agreed' : 'differed');
    if (found >= least) return 'right';
    return {
      wrong: `vectors are wrong: one has the cosine ${found.toFixed(3)} to a trusted runner's (at least ${least.toFixed(3)})`,
    };
  }

  async #embedAgain(
    text: string,
  ): Promise<{ readonly vector: Float32Array; readonly dtype: string } | null> {
    const { service, clock, waitMsMax } = this.#options;
    if (this.#waiting >= waitingMax) return null;
    this.#waiting += 1;
    const late = new AbortController();
    const answered = new AbortController();
    void clock.sleep(waitMsMax, answered.signal).then(
      () => late.abort(),
      () => undefined,
    );
    try {
      const result = await service.embed(text, { priority: 'cross-check', signal: late.signal });
      return result.ok
        ? { vector: result.embedding.vector, dtype: result.embedding.provenance.dtype }
        : null;
    } catch {
      return null;
    } finally {
      answered.abort();
      this.#waiting -= 1;
    }
  }
}
