// Mixes golden texts into a runner's ordinary jobs, so that no job looks like a check, and judges
// how they come back.

import type { EmbedOutcome } from '#core/ports.ts';
import { cosine } from '#core/vectors/vector.ts';
import { goldenVerdict, type GoldenBounds, type GoldenCase } from './golden.ts';

/** A job's texts with golden ones between them. */
export type Mixed = {
  readonly texts: readonly string[];
  /** Place in `texts` → which golden text stands there. */
  readonly canaries: ReadonlyMap<number, number>;
};

export type CanaryOptions = {
  readonly cases: readonly GoldenCase[];
  readonly bounds: GoldenBounds;
  /**
   * In such a time every golden text comes up once, when the runner is fast enough. Read at every
   * use.
   */
  readonly limits: { readonly checkIntervalMs: number };
  /** Uniform in [0, 1), and nothing that a runner could foresee. */
  readonly random: () => number;
};

export type CanaryVerdict = {
  readonly ok: boolean;
  readonly message: string;
  readonly mean: number;
  readonly min: number;
};

/** At most this share of what a runner could embed is canaries. */
const canaryShareMax = 0.01;
/** After a long rest no job gets more than this share of them, or one. */
const jobShareMax = 0.125;

/**
 * One runner's canaries. They come at random times, on average every `checkIntervalMs / cases`, or
 * as seldom as keeps them below 1 % of the runner's rate; at random places; in random order, all of
 * them before any comes again.
 */
export class Canaries {
  readonly #options: CanaryOptions;
  #dueAt: number;
  /** Still to come in this round. */
  #left: number[] = [];
  /** Cosines of this round, by golden text. */
  #answered = new Map<number, number>();

  /** `now`: monotonic ms, as everywhere here. */
  constructor(options: CanaryOptions, now: number) {
    this.#options = options;
    this.#dueAt = now + (options.random() * options.limits.checkIntervalMs) / options.cases.length;
  }

  /** Whether one is to come with the next job. */
  isDue(now: number): boolean {
    return this.#dueAt <= now;
  }

  /**
   * `countMin`: so many in any case, such as in a job whose answers will judge others'. `room`:
   * more texts than these do not fit.
   */
  mix(
    texts: readonly string[],
    {
      textsPerSecond,
      room,
      countMin,
      now,
    }: {
      readonly textsPerSecond: number;
      readonly room: number;
      readonly countMin: number;
      readonly now: number;
    },
  ): Mixed {
    const { cases, random } = this.#options;
    const places: { readonly text: string; readonly golden: number | null }[] = texts.map(
      (text) => ({ text, golden: null }),
    );
    for (
      let count = Math.min(room, this.#due(texts.length, textsPerSecond, countMin, now));
      count > 0;
      count--
    ) {
      const golden = this.#next();
      places.splice(Math.floor(random() * (places.length + 1)), 0, {
        text: cases[golden]?.text ?? '',
        golden,
      });
    }
    const canaries = places.flatMap(({ golden }, at): [number, number][] =>
      golden === null ? [] : [[at, golden]],
    );
    return { texts: places.map(({ text }) => text), canaries: new Map(canaries) };
  }

  /**
   * Judges each canary by itself, and all golden texts together whenever the last of a round has
   * come back: `null` until then. The rest of `outcomes` is not looked at.
   */
  judge(canaries: Mixed['canaries'], outcomes: readonly EmbedOutcome[]): CanaryVerdict | null {
    const { cases, bounds } = this.#options;
    for (const [at, golden] of canaries) {
      const outcome = outcomes[at];
      const found = outcome?.ok ? cosine(outcome.vector, cases[golden]?.vector ?? []) : NaN;
      // Written so that NaN fails.
      if (!(found >= bounds.goldenMin)) {
        const what = Number.isNaN(found)
          ? 'was not embedded'
          : `has the cosine ${found.toFixed(5)} to the reference (at least ${bounds.goldenMin})`;
        return {
          ok: false,
          mean: found,
          min: found,
          message: `vectors are wrong: golden text ${golden + 1} of ${cases.length}, in an ordinary job, ${what}`,
        };
      }
      this.#answered.set(golden, found);
    }
    if (this.#answered.size < cases.length) return null;
    const cosines = [...this.#answered.values()];
    this.#answered = new Map();
    return goldenVerdict(cosines, bounds);
  }

  #due(texts: number, textsPerSecond: number, countMin: number, now: number): number {
    const {
      cases,
      limits: { checkIntervalMs },
      random,
    } = this.#options;
    const spacingMs = Math.max(
      checkIntervalMs / cases.length,
      1000 / (canaryShareMax * textsPerSecond),
    );
    const countMax = Math.max(1, Math.floor(texts * jobShareMax));
    let count = 0;
    for (; this.#dueAt <= now && count < countMax; count++)
      this.#dueAt += spacingMs * (0.5 + random());
    // What a runner at rest has missed is not made up for.
    this.#dueAt = Math.max(this.#dueAt, now);
    return Math.max(count, countMin);
  }

  #next(): number {
    const { cases, random } = this.#options;
    if (this.#left.length === 0) this.#left = cases.map((_, index) => index);
    const [golden = 0] = this.#left.splice(Math.floor(random() * this.#left.length), 1);
    return golden;
  }
}
