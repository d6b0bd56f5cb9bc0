// Mixes golden texts into a runner's ordinary jobs, so that no job looks like a check, and judges
// the vectors that come back for them.

import { assert, at } from '#core/errors/assert.ts';
import type { EmbedOutcome } from '#core/ports.ts';
import { goldenCosine, goldenVerdict, type GoldenBounds, type GoldenCase } from './golden.ts';

/** A job's texts with golden texts between them. */
export type Mixed = {
  readonly texts: readonly string[];
  /** Index in `texts` → index of the golden text that is there. */
  readonly canaries: ReadonlyMap<number, number>;
};

export type CanaryOptions = {
  readonly cases: readonly GoldenCase[];
  readonly bounds: GoldenBounds;
  /**
   * Within this time every golden text comes up once, if the runner is fast enough. Read at every
   * use.
   */
  readonly limits: { readonly checkIntervalMs: number };
  /** Uniform in [0, 1), and unpredictable for a runner. */
  readonly random: () => number;
};

export type CanaryVerdict = {
  readonly ok: boolean;
  readonly message: string;
  readonly mean: number;
  readonly min: number;
};

/** Largest share of what a runner could embed that may be canaries. */
const canaryShareMax = 0.01;
/** The largest share of canaries in a job, also after a long idle time; one is always allowed. */
const jobShareMax = 0.125;

/**
 * The canaries of one runner. They come at random times: on average every `checkIntervalMs /
 * cases`, or less often where more would exceed 1 % of the runner's rate. Their places in a job and
 * their order are random; each comes once before any comes again.
 */
export class Canaries {
  readonly #options: CanaryOptions;
  #dueAt: number;
  /** Golden texts that are still to come in this round. */
  #left: number[] = [];
  /** Golden text → its cosine in this round. */
  #answered = new Map<number, number>();

  /** `now` is monotonic ms everywhere here. */
  constructor(options: CanaryOptions, now: number) {
    this.#options = options;
    this.#dueAt = now + (options.random() * options.limits.checkIntervalMs) / options.cases.length;
  }

  /** Whether the next job should contain a canary. */
  isDue(now: number): boolean {
    return this.#dueAt <= now;
  }

  /**
   * Adds the canaries that are due to a job's texts. `countMin`: at least this many, such as in a
   * cross-check job. `room`: at most this many, because no more texts fit.
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
    const mixed: { readonly text: string; readonly golden: number | null }[] = texts.map(
      (text) => ({ text, golden: null }),
    );
    const count = Math.min(room, this.#due(texts.length, textsPerSecond, countMin, now));
    for (let added = 0; added < count; added++) {
      const golden = this.#next();
      const index = Math.floor(random() * (mixed.length + 1));
      mixed.splice(index, 0, { text: at(cases, golden).text, golden });
    }
    const canaries = mixed.flatMap(({ golden }, index): [number, number][] =>
      golden === null ? [] : [[index, golden]],
    );
    return { texts: mixed.map(({ text }) => text), canaries: new Map(canaries) };
  }

  /**
   * Judges each canary alone and, when the last one of a round has come back, all golden texts
   * together. `null` when no canary is wrong and the round is not complete. Other outcomes are
   * ignored.
   */
  judge(canaries: Mixed['canaries'], outcomes: readonly EmbedOutcome[]): CanaryVerdict | null {
    const { cases, bounds } = this.#options;
    for (const [index, golden] of canaries) {
      const found = goldenCosine(outcomes[index], at(cases, golden));
      // Written so that NaN fails.
      if (!(found >= bounds.goldenMin)) {
        const what = Number.isNaN(found)
          ? 'was not embedded'
          : `has the cosine ${found.toFixed(5)} to the reference (at least ${bounds.goldenMin})`;
        const message =
          `vectors are wrong: golden text ${golden + 1} of ${cases.length}, ` +
          `in an ordinary job, ${what}`;
        return { ok: false, mean: found, min: found, message };
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
    // Canaries that an idle runner missed are not made up for.
    this.#dueAt = Math.max(this.#dueAt, now);
    return Math.max(count, countMin);
  }

  #next(): number {
    const { cases, random } = this.#options;
    if (this.#left.length === 0) this.#left = cases.map((_, index) => index);
    const [golden] = this.#left.splice(Math.floor(random() * this.#left.length), 1);
    assert(golden !== undefined, 'The model has no golden texts');
    return golden;
  }
}
