// Computes an answer once for all equal requests within a short time, and bounds how many answers
// are computed at once.

import { BoundedMap } from '#core/collections/bounded-map.ts';
import type { Clock } from '#core/ports.ts';
import { ProblemError } from '../http/problem-document.ts';

export type SharedAnswersOptions = {
  readonly clock: Clock;
  /** How long an answer is reused. */
  readonly ageMsMax: number;
  /** Answers kept; the oldest is dropped first. */
  readonly keptMax: number;
  readonly atOnceMax: number;
};

export class SharedAnswers<T> {
  readonly #options: SharedAnswersOptions;
  readonly #answers: BoundedMap<string, { readonly answer: Promise<T>; readonly since: number }>;
  #computing = 0;

  constructor(options: SharedAnswersOptions) {
    this.#options = options;
    this.#answers = new BoundedMap(() => options.keptMax);
  }

  /**
   * A failure rejects for all that wait for it, and is not kept.
   *
   * @throws ProblemError (503) when too many other answers are being computed.
   */
  get(key: string, compute: () => Promise<T>): Promise<T> {
    const { clock, ageMsMax, atOnceMax } = this.#options;
    const known = this.#answers.get(key);
    if (known !== undefined && clock.monotonic() - known.since <= ageMsMax) return known.answer;
    if (this.#computing >= atOnceMax) {
      throw new ProblemError({
        status: 503,
        code: 'analysis_busy',
        detail: `${this.#computing} other analyses are being computed; try again in a moment.`,
        retryAfter: 2,
      });
    }
    this.#computing += 1;
    const answer = compute().finally(() => {
      this.#computing -= 1;
    });
    const entry = { answer, since: clock.monotonic() };
    this.#answers.set(key, entry);
    answer.catch(() => {
      if (this.#answers.get(key) === entry) this.#answers.delete(key);
    });
    return answer;
  }
}
