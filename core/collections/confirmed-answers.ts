// Answers from what was read last, while it is read again. Only when it has changed, the answer is
// made once more: so nothing is stale, and nearly always a wait is saved.

import { BoundedMap } from './bounded-map.ts';

export class ConfirmedAnswers<Value> {
  readonly #last: BoundedMap<string, Value>;
  readonly #isStill: (before: Value, now: Value) => boolean;

  /** @param isStill whether an answer from the value before is also right now */
  constructor(countMax: number, isStill: (before: Value, now: Value) => boolean) {
    this.#last = new BoundedMap(() => countMax);
    this.#isStill = isStill;
  }

  /**
   * @param key what is read
   * @param answer may be called twice
   */
  async from<Answer>(
    key: string,
    read: () => Promise<Value>,
    answer: (value: Value) => Promise<Answer>,
  ): Promise<Answer> {
    const before = this.#last.get(key);
    if (before === undefined) {
      const first = await read();
      this.#last.set(key, first);
      return answer(first);
    }
    const [now, early] = await Promise.all([
      read(),
      answer(before).then(
        (value) => () => value,
        (error: unknown) => () => {
          throw error;
        },
      ),
    ]);
    this.#last.set(key, now);
    return this.#isStill(before, now) ? early() : answer(now);
  }
}
