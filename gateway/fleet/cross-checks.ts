// Compares samples of untrusted work with a trusted runner's vectors of the same texts.

import type { Clock, Embedding } from '#core/ports.ts';
import { startDeadline } from '#core/time/deadline.ts';
import {
  agreementMin,
  boundsOf,
  meanAgreementMin,
  type CrossCheckResult,
  type MeanAgreement,
} from '#core/trust/agreement.ts';
import type { GoldenBounds } from '#core/trust/golden.ts';
import type { AnsweredText } from '#core/trust/sampler.ts';
import { cosine } from '#core/vectors/vector.ts';
import type { EmbeddingQueue } from './embedding-queue.ts';
import type { LastCheck } from './hub-types.ts';

export type CrossChecksOptions = {
  readonly queue: EmbeddingQueue;
  /** Bounds by dtype. */
  readonly bounds: Readonly<Record<string, GoldenBounds>>;
  readonly clock: Clock;
  /** How long a sample may wait for a trusted runner. Read at every use. */
  readonly waitMsMax: number;
  readonly onResult: (result: CrossCheckResult) => void;
};

/** `reason`: why the work is wrong. `unknown`: no trusted runner answered in time. */
export type CheckVerdict =
  | { readonly is: 'right'; readonly check: LastCheck }
  | { readonly is: 'wrong'; readonly check: LastCheck; readonly reason: string }
  | { readonly is: 'unknown' };

/** Samples that wait at once; further ones are dropped. Each holds a text and a vector. */
const waitingMax = 1_024;

export class CrossChecks {
  readonly #options: CrossChecksOptions;
  #waiting = 0;

  constructor(options: CrossChecksOptions) {
    this.#options = options;
  }

  /** The job of a trusted runner has canaries too: if it fails them, its answer is not used. */
  async compare(
    { text, vector }: AnsweredText,
    { dtype, mean }: { readonly dtype: string; readonly mean: MeanAgreement },
    lane: 'first-check' | 'cross-check',
  ): Promise<CheckVerdict> {
    const { onResult, bounds, clock } = this.#options;
    const trusted = await this.#embed(text, lane);
    if (trusted === null) {
      onResult('dropped');
      return { is: 'unknown' };
    }
    const { provenance } = trusted;
    const both = [boundsOf(bounds, dtype), boundsOf(bounds, provenance.dtype)] as const;
    const [least, leastMean] = [agreementMin(...both), meanAgreementMin(...both)];
    const found = cosine(vector, trusted.vector);
    const wrong = !(found >= least)
      ? `one has the cosine ${found.toFixed(3)} to a trusted runner's ` +
        `(at least ${least.toFixed(3)})`
      : !mean.add(found, leastMean)
        ? `the last ones have the mean cosine ${mean.mean.toFixed(3)} to a trusted runner's ` +
          `(at least ${leastMean.toFixed(3)})`
        : null;
    const result = wrong === null ? 'agreed' : 'differed';
    onResult(result);
    const check = { at: clock.now(), by: [provenance.runnerName], result, cosine: found } as const;
    if (wrong === null) return { is: 'right', check };
    return { is: 'wrong', check, reason: `vectors are wrong: ${wrong}` };
  }

  /** Embeds the text on a trusted runner; `null` when that fails or takes too long. */
  async #embed(text: string, lane: 'first-check' | 'cross-check'): Promise<Embedding | null> {
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
      return result.ok ? result.embedding : null;
    } catch {
      return null;
    } finally {
      this.#waiting -= 1;
    }
  }
}
