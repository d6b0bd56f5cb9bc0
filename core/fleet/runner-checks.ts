// All that tells whether one runner is right: canaries in its jobs, samples of its work, and until
// when both have held.

import type { EmbedOutcome } from '#core/ports.ts';
import { boundsOf } from '#core/trust/agreement.ts';
import { Canaries, type CanaryVerdict } from '#core/trust/canaries.ts';
import type { GoldenBounds, GoldenCase } from '#core/trust/golden.ts';
import { Sampler, samplerDefaults, type AnsweredText, type Sample } from '#core/trust/sampler.ts';
import type { Job, MixIn } from './fleet-job.ts';

export type RunnerChecksOptions = {
  readonly golden: { readonly cases: readonly GoldenCase[] };
  readonly bounds: Readonly<Record<string, GoldenBounds>>;
  readonly dtype: string;
  /** Read at every use. */
  readonly limits: { readonly checkIntervalMs: number };
  /** Uniform in [0, 1), and nothing that a runner could foresee. */
  readonly random: () => number;
};

/** In every part of the check interval in which it works, a sample of a runner's work is taken. */
const samplesPerIntervalMin = 4;

/** From the check at the door on, which was passed at `checkedAt` (UTC ms). `now`: monotonic ms. */
export class RunnerChecks {
  readonly #canaries: Canaries;
  readonly #sampler: Sampler;
  #goldenUntil: number;
  #hasWorked = false;

  constructor(
    { golden, bounds, dtype, limits, random }: RunnerChecksOptions,
    checkedAt: number,
    now: number,
  ) {
    this.#canaries = new Canaries(
      { cases: golden.cases, bounds: boundsOf(bounds, dtype), limits, random },
      now,
    );
    this.#sampler = new Sampler({
      ...samplerDefaults,
      get everyMs() {
        return limits.checkIntervalMs / samplesPerIntervalMin;
      },
      random,
    });
    this.#goldenUntil = checkedAt;
  }

  /** UTC ms: a golden text embedded then was right, and every sample of earlier work agreed. */
  get verifiedUntil(): number {
    return Math.min(this.#goldenUntil, this.#sampler.comparedUntil);
  }

  /** Nothing of its work is still to be compared. */
  get isSettled(): boolean {
    return this.#sampler.isSettled;
  }

  /** A job of cross-checks has a canary in any case: whoever judges is judged with it. */
  mixIn({ lane, texts, textsPerSecond, room, now }: Parameters<MixIn>[1]): ReturnType<MixIn> {
    return this.#canaries.mix(texts, {
      textsPerSecond,
      room,
      now,
      countMin: lane === 'cross-check' ? 1 : 0,
    });
  }

  /**
   * Before anything of an answer is used. `null`: nothing to say; at the end of a round the verdict
   * has its figures.
   */
  judge(
    { canaries }: Job,
    outcomes: readonly EmbedOutcome[],
    embeddedAt: number,
  ): CanaryVerdict | null {
    if (canaries.size === 0) return null;
    const verdict = this.#canaries.judge(canaries, outcomes);
    if (verdict?.ok === false) return verdict;
    this.#goldenUntil = embeddedAt;
    this.#hasWorked = false;
    return verdict;
  }

  worked(): void {
    this.#hasWorked = true;
  }

  /**
   * It has worked since its last canary, and the next is due: one by itself, when there is no work
   * to put it in.
   */
  wantsCanary(now: number): boolean {
    return this.#hasWorked && this.#canaries.isDue(now);
  }

  /** Its work is to be compared: these are answers to it. Returns what is chosen now. */
  answered(answers: readonly AnsweredText[], embeddedAt: number, now: number): readonly Sample[] {
    return this.#sampler.answered(answers, embeddedAt, now);
  }

  due(now: number): readonly Sample[] {
    return this.#sampler.due(now);
  }

  end(): readonly Sample[] {
    return this.#sampler.end();
  }

  settled(sample: Sample): void {
    this.#sampler.settled(sample);
  }
}
