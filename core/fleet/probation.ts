// Tracks how far an untrusted runner is proven. Its jobs are small at first. They grow each time
// that a trusted runner has checked a text of a job.

/**
 * The number of jobs that must be right. A runner that is wrong on a tenth of its texts gets this
 * far once in 24 times (0.9³⁰), one that is wrong on a fifth once in 800 times.
 */
export const provingJobs = 30;
/** Texts of the largest job before that. */
const jobTextsMax = 32;

export class Probation {
  #agreed = 0;

  /** Jobs that were checked and right, up to `provingJobs`. */
  get agreed(): number {
    return this.#agreed;
  }

  get isProven(): boolean {
    return this.#agreed >= provingJobs;
  }

  /** Texts of its next job: 1, 2, 4, … 32. */
  get jobTexts(): number {
    return Math.min(2 ** this.#agreed, jobTextsMax);
  }

  /** A text of a job was checked, and its vector is right. `true`: the runner is proven now. */
  agree(): boolean {
    if (this.isProven) return false;
    this.#agreed += 1;
    return this.isProven;
  }

  /** Another runner of its owner was wrong: it starts again. */
  fallBack(): void {
    this.#agreed = 0;
  }
}
