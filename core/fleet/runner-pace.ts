// Measures a runner's speed, and derives from it how many texts make a job and how long a job may
// take.

export type PaceOptions = {
  /**
   * Work in one job while texts wait: long enough to batch well, short enough that a search does
   * not wait long.
   */
  readonly jobMs: number;
  /** Most work in one job of search texts. */
  readonly searchJobMs: number;
  /**
   * Most work in any other job while searches come: a search waits for the job that its runner has
   * in work.
   */
  readonly besideSearchJobMs: number;
  /** Fewest texts in a job while texts wait, if the runner can embed them within `jobMs`. */
  readonly jobTextsMin: number;
  /**
   * A job may take `deadlineMsMin` plus `deadlineFactor` times the predicted time, at most
   * `deadlineMsMax`.
   */
  readonly deadlineFactor: number;
  readonly deadlineMsMin: number;
  readonly deadlineMsMax: number;
};

export const defaultPace: PaceOptions = {
  jobMs: 500,
  searchJobMs: 200,
  besideSearchJobMs: 100,
  jobTextsMin: 8,
  deadlineFactor: 10,
  deadlineMsMin: 20_000,
  deadlineMsMax: 600_000,
};

/** Time constant of the average speed, in ms of work. */
const averageMs = 5_000;
/** A runner that was just proven counts as no faster than this. */
const provenTextsPerSecond = 64;
/** Lower bound for a claimed speed: with 0 texts per second a job's deadline would be endless. */
const textsPerSecondMin = 0.2;

export class Pace {
  readonly #options: PaceOptions;
  readonly #textsMax: number;
  #textsPerSecond: number;
  /** A measured speed counts no more than this. */
  #ceiling = Infinity;

  /**
   * Starts with the speed that the runner claims. `textsMax`: the most texts that the runner takes
   * in one job.
   */
  constructor(options: PaceOptions, textsPerSecond: number, textsMax: number) {
    this.#options = options;
    this.#textsMax = textsMax;
    this.#textsPerSecond = Math.max(textsPerSecond, textsPerSecondMin);
  }

  get textsPerSecond(): number {
    return Math.min(this.#textsPerSecond, this.#ceiling);
  }

  /** Replaces the runner's claim by the speed that it has shown: `texts` right answers in `ms`. */
  proven(texts: number, ms: number): void {
    this.#textsPerSecond = Math.max((texts * 1000) / Math.max(ms, 1), textsPerSecondMin);
    this.#ceiling = provenTextsPerSecond;
  }

  /** One more answer was checked and right. */
  trustMore(): void {
    this.#ceiling *= 2;
  }

  /**
   * Adds a finished job to the average speed. The average is weighted by time at work, so that many
   * tiny jobs, which are mostly latency, do not outweigh a large one.
   */
  measured(texts: number, ms: number): void {
    const spent = Math.max(ms, 0.1);
    const weight = 1 - Math.exp(-spent / averageMs);
    const speed = (texts * 1000) / spent;
    this.#textsPerSecond = Math.max(
      this.#textsPerSecond + weight * (speed - this.#textsPerSecond),
      textsPerSecondMin,
    );
  }

  /**
   * How many texts the next job gets when `waiting` texts wait and this runner does `share` (0…1)
   * of the fleet's work. A small backlog is divided, so that no runner takes all of it while others
   * idle: 100 texts and two equal runners → 50.
   */
  jobTexts(waiting: number, share: number, besideSearch: boolean): number {
    const { besideSearchJobMs, jobMs, jobTextsMin } = this.#options;
    const textsMax = this.textsWithin(besideSearch ? besideSearchJobMs : jobMs);
    return Math.min(textsMax, Math.max(Math.ceil(waiting * share), jobTextsMin));
  }

  searchTexts(): number {
    return this.textsWithin(this.#options.searchJobMs);
  }

  /** How long the runner will work on this many texts, in ms. */
  expectedMs(texts: number): number {
    return (texts * 1000) / this.textsPerSecond;
  }

  deadlineMs(texts: number): number {
    const { deadlineFactor, deadlineMsMin, deadlineMsMax } = this.#options;
    return Math.ceil(
      Math.min(deadlineMsMax, deadlineMsMin + deadlineFactor * this.expectedMs(texts)),
    );
  }

  /** How many texts it embeds in this time: at least one, and no more than it takes in a job. */
  textsWithin(ms: number): number {
    return Math.max(1, Math.min(this.#textsMax, Math.floor((this.textsPerSecond * ms) / 1000)));
  }
}
