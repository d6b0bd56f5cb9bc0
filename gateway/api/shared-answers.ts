// Computes an answer once for all who ask the same within a short time, and bounds how many are
// computed at once.

import type { Clock } from '#core/ports.ts';
import { ProblemError } from '../http/problem-document.ts';

export type SharedAnswersOptions = {
  readonly clock: Clock;
  /** How long an answer may be given again. */
  readonly ageMsMax: number;
  /** Answers kept; the oldest goes first. */
  readonly keptMax: number;
  readonly atOnceMax: number;
};

export class SharedAnswers<T> {
  readonly #options: SharedAnswersOptions;
  readonly #answers = new Map<string, { readonly answer: Promise<T>; readonly since: number }>();
  #computing = 0;

  constructor(options: SharedAnswersOptions) {
    this.#options = options;
  }

  /**
   * Throws `ProblemError` (503) when too many others are being computed; a failure is told to those
   * who wait, and not kept.
   */
  get(key: string, compute: () => Promise<T>): Promise<T> {
    const { clock, ageMsMax, keptMax, atOnceMax } = this.#options;
    const known = this.#answers.get(key);
    if (known !== undefined && clock.monotonic() - known.since <= ageMsMax) return known.answer;
    if (this.#computing >= atOnceMax) {
      throw new ProblemError({
        status: 503,
        code: 'analysis_busy',
        detail: `${this.#computing} other analyses are being made: try again in a moment.`,
        retryAfter: 2,
      });
    }
    this.#computing += 1;
    const answer = compute().finally(() => {
      this.#computing -= 1;
    });
    const entry = { answer, since: clock.monotonic() };
    this.#answers.delete(key);
    this.#answers.set(key, entry);
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= keptMax) break;
      this.#answers.delete(oldest);
    }
    answer.catch(() => {
      if (this.#answers.get(key) === entry) this.#answers.delete(key);
    });
    return answer;
  }
}
