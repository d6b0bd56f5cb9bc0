// Tracks how far an untrusted runner is proven: how large its jobs are, and how many of its texts a
// trusted runner embeds again. Both follow from the texts that were checked and right.

/** Texts of a newcomer's job that are checked: all of a smaller job. */
const checkedPerJob = 8;
/** Until so many were right, every text of every job is checked. */
const checkedAloneTexts = 31;
/** So many checked texts prove a runner: 31, and those of six larger jobs. */
export const provingTextsDefault = 79;
/** One text of this many is sampled at first, once the runner's work is used before its checks. */
const textsPerSampleMin = 4;
/** The same in the end. */
export const textsPerSampleMax = 100;
/** Samples of a just-proven runner that wait at once, and that its next job may add. */
const waitingMax = 4;

export class Probation {
  /** The number of checked texts that must be right. */
  readonly needed: number;
  #agreed = 0;
  #waiting = 0;

  constructor(needed = provingTextsDefault) {
    this.needed = needed;
  }

  /** Texts that were checked and right, up to `needed`. */
  get agreed(): number {
    return Math.min(this.#agreed, this.needed);
  }

  get isProven(): boolean {
    return this.#agreed >= this.needed;
  }

  /** It is proven, and its samples are still denser than those of others. */
  get isJustProven(): boolean {
    return this.isProven && this.textsPerSample < textsPerSampleMax;
  }

  /** One text of so many is sampled once it is proven: 4, 5, 6, … 100. */
  get textsPerSample(): number {
    return Math.min(textsPerSampleMin + this.#agreed - this.needed, textsPerSampleMax);
  }

  /**
   * Texts of the next job, at most. A newcomer's: 1, 2, 4, 8, 8, 8, 16, 32, … 512. That of a
   * just-proven runner: what adds four samples, and none while four wait.
   */
  get jobTexts(): number {
    if (this.isJustProven) return this.#waiting < waitingMax ? waitingMax * this.textsPerSample : 0;
    if (this.isProven) return Infinity;
    if (this.#agreed < checkedAloneTexts) return Math.min(this.#agreed + 1, checkedPerJob);
    const doubled = 1 + Math.floor((this.#agreed - checkedAloneTexts) / checkedPerJob);
    return checkedPerJob * 2 ** doubled;
  }

  /** How many of a newcomer's `answered` texts are checked before any of them is used. */
  checksOf(answered: number): number {
    return Math.min(answered, checkedPerJob);
  }

  /** So many texts were checked, and their vectors are right. `true`: the runner is proven now. */
  agree(texts: number): boolean {
    const wasProven = this.isProven;
    this.#agreed += texts;
    return this.isProven && !wasProven;
  }

  /** So many samples wait for their comparison now; after it, a negative number. */
  wait(samples: number): void {
    this.#waiting += samples;
  }

  /** Another runner of its owner was wrong: it starts again. */
  fallBack(): void {
    this.#agreed = 0;
  }
}
