// A runner's measured speed, and what follows from it: how many texts make a job, and how long one
// may take.

export type PaceOptions = {
  /**
   * A job under backlog is this much work: long enough to batch well, short enough that a search
   * does not wait long.
   */
  readonly jobMs: number;
  /** A job of search texts is at most this much work. */
  readonly searchJobMs: number;
  /** While searches come, so is any other job: a search waits for what its runner has in work. */
  readonly besideSearchJobMs: number;
  /** A job under backlog has at least this many texts, when the runner manages them within `jobMs`. */
  readonly jobTextsMin: number;
  /** A job may take `deadlineFactor` times what its speed predicts, and `deadlineMsMin` besides. */
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

/** Over how much work the speed is averaged. */
const memoryMs = 5_000;
/** A greeting's claim is bounded: a claim of nothing would make a job's deadline endless. */
const textsPerSecondMin = 0.2;

export class Pace {
  readonly #options: PaceOptions;
  readonly #textsMax: number;
  #textsPerSecond: number;

  /**
   * Begins with the speed that the runner measured itself. `textsMax`: the most that the runner
   * takes in one job.
   */
  constructor(options: PaceOptions, textsPerSecond: number, textsMax: number) {
    this.#options = options;
    this.#textsMax = textsMax;
    this.#textsPerSecond = Math.max(textsPerSecond, textsPerSecondMin);
  }

  get textsPerSecond(): number {
    return this.#textsPerSecond;
  }

  /**
   * A mean weighted by time at work, so that many tiny jobs, each mostly latency, do not drown a
   * large one.
   */
  measured(texts: number, ms: number): void {
    const spent = Math.max(ms, 0.1);
    const weight = 1 - Math.exp(-spent / memoryMs);
    const speed = (texts * 1000) / spent;
    this.#textsPerSecond = Math.max(
      this.#textsPerSecond + weight * (speed - this.#textsPerSecond),
      textsPerSecondMin,
    );
  }

  /**
   * Texts of the next job, of `backlog` that wait, when this runner does `share` (0…1) of the
   * fleet's work. A small backlog is divided, so that no runner takes all of it while others idle:
   * 100 texts, two equal runners → 50.
   */
  jobTexts(backlog: number, share: number, besideSearch: boolean): number {
    const most = this.#within(besideSearch ? this.#options.besideSearchJobMs : this.#options.jobMs);
    return Math.min(most, Math.max(Math.ceil(backlog * share), this.#options.jobTextsMin));
  }

  searchTexts(): number {
    return this.#within(this.#options.searchJobMs);
  }

  /** How long the runner will work on this many texts, ms. */
  expectedMs(texts: number): number {
    return (texts * 1000) / this.#textsPerSecond;
  }

  deadlineMs(texts: number): number {
    const { deadlineFactor, deadlineMsMin, deadlineMsMax } = this.#options;
    return Math.ceil(
      Math.min(deadlineMsMax, deadlineMsMin + deadlineFactor * this.expectedMs(texts)),
    );
  }

  #within(ms: number): number {
    return Math.max(1, Math.min(this.#textsMax, Math.floor((this.#textsPerSecond * ms) / 1000)));
  }
}
