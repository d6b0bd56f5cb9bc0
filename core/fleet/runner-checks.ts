// Checks one runner while it works: canaries in its jobs, samples of its work, and the time up to
// which both have passed.

import type { EmbedOutcome } from '#core/ports.ts';
import { boundsOf } from '#core/trust/agreement.ts';
import { Canaries, type CanaryVerdict } from '#core/trust/canaries.ts';
import type { GoldenBounds, GoldenCase } from '#core/trust/golden.ts';
import { Sampler, type AnsweredText, type Sample } from '#core/trust/sampler.ts';
import type { Lane } from './backlog.ts';
import type { Job, MixIn } from './fleet-job.ts';

export type RunnerChecksOptions = {
  readonly golden: { readonly cases: readonly GoldenCase[] };
  readonly bounds: Readonly<Record<string, GoldenBounds>>;
  readonly dtype: string;
  /** Read at every use. */
  readonly limits: { readonly checkIntervalMs: number };
  /** One text of so many is sampled. Read at every use. */
  readonly textsPerSample: number;
  /** Uniform in [0, 1), and unpredictable for a runner. */
  readonly random: () => number;
};

/** At least this many samples are taken per check interval of steady work. */
const samplesPerIntervalMin = 4;
/**
 * Searches are few beside other work, and look different: a runner that is wrong only on them must
 * not be lost in it.
 */
const searchesPerSample = 10;

/** The checks that follow the admission check. `now` is monotonic ms everywhere here. */
export class RunnerChecks {
  readonly #canaries: Canaries;
  readonly #samplers: { readonly search: Sampler; readonly other: Sampler };
  #goldenUntil: number;
  #hasWorked = false;

  /** `checkedAt`: UTC ms at which the runner passed its admission check. */
  constructor(options: RunnerChecksOptions, checkedAt: number, now: number) {
    const { golden, bounds, dtype, limits, random } = options;
    this.#canaries = new Canaries(
      { cases: golden.cases, bounds: boundsOf(bounds, dtype), limits, random },
      now,
    );
    const sampler = (textsMax: number): Sampler =>
      new Sampler({
        get everyTexts() {
          return Math.min(textsMax, options.textsPerSample);
        },
        get everyMs() {
          return limits.checkIntervalMs / samplesPerIntervalMin;
        },
        random,
      });
    this.#samplers = {
      search: sampler(searchesPerSample),
      other: sampler(Infinity),
    };
    this.#goldenUntil = checkedAt;
  }

  /**
   * UTC ms: the runner embedded a golden text correctly then, and all samples of earlier work
   * agreed.
   */
  get verifiedUntil(): number {
    const { search, other } = this.#samplers;
    return Math.min(this.#goldenUntil, search.comparedUntil, other.comparedUntil);
  }

  /** No sample of its work still waits for its comparison. */
  get isSettled(): boolean {
    return this.#samplers.search.isSettled && this.#samplers.other.isSettled;
  }

  /** A cross-check job always has a canary, so that the runner that judges is checked with it. */
  mixIn({ lane, texts, textsPerSecond, room, now }: Parameters<MixIn>[1]): ReturnType<MixIn> {
    return this.#canaries.mix(texts, {
      textsPerSecond,
      room,
      now,
      countMin: lane === 'cross-check' ? 1 : 0,
    });
  }

  /**
   * Judges the canaries of an answer, before any of it is used. `null`: no canary was wrong, and
   * the round is not complete. At the end of a round, the verdict has its mean and minimum.
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
   * The runner has worked since its last canary, and the next one is due. If there is no job to put
   * it into, the canary goes out alone.
   */
  wantsCanary(now: number): boolean {
    return this.#hasWorked && this.#canaries.isDue(now);
  }

  /** The runner answered these texts at `embeddedAt` (UTC ms). Returns the samples chosen now. */
  answered(
    answers: readonly AnsweredText[],
    lane: Lane,
    embeddedAt: number,
    now: number,
  ): readonly Sample[] {
    const { search, other } = this.#samplers;
    return (lane === 'search' ? search : other).answered(answers, embeddedAt, now);
  }

  /** Samples that are chosen because enough time has passed. */
  due(now: number): readonly Sample[] {
    return [...this.#samplers.search.due(now), ...this.#samplers.other.due(now)];
  }

  /** The runner is gone: the samples of its last, unfinished strata. */
  end(): readonly Sample[] {
    return [...this.#samplers.search.end(), ...this.#samplers.other.end()];
  }

  /** The sample was compared, or no trusted runner could compare it. */
  settled(sample: Sample): void {
    this.#samplers.search.settled(sample);
    this.#samplers.other.settled(sample);
  }
}
