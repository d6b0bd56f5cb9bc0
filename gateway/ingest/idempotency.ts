// Remembers the answers to requests with an Idempotency-Key, so that a repeated request is answered
// and not executed again.

export type IdempotencyOptions = {
  readonly keysMax: number;
  /** The most UTF-16 code units of all answers together; the oldest are dropped first. */
  readonly answerCharsMax: number;
  readonly ageMsMax: number;
};

export const idempotencyDefaults: IdempotencyOptions = {
  keysMax: 10_000,
  answerCharsMax: 16 * 2 ** 20,
  ageMsMax: 24 * 3_600_000,
};

/** `busy`: the first request with this key is still in progress. */
export type Begun =
  | { readonly state: 'new' }
  | { readonly state: 'busy' }
  | { readonly state: 'done'; readonly fingerprint: string; readonly answer: string };

type Done = { readonly fingerprint: string; readonly answer: string; readonly at: number };

/** Pure: it receives the time (monotonic ms). It lives in memory: a restart forgets it. */
export class IdempotencyKeys {
  readonly #options: IdempotencyOptions;
  readonly #busy = new Set<string>();
  /** Answers in the order in which they were given. */
  readonly #done = new Map<string, Done>();
  #chars = 0;

  constructor(options: IdempotencyOptions) {
    this.#options = options;
  }

  begin(key: string, now: number): Begun {
    this.#expire(now);
    if (this.#busy.has(key)) return { state: 'busy' };
    const done = this.#done.get(key);
    if (done !== undefined)
      return { state: 'done', fingerprint: done.fingerprint, answer: done.answer };
    this.#busy.add(key);
    return { state: 'new' };
  }

  /** `fingerprint` identifies the request, such as a hash of its body; `answer` answered it. */
  finish(key: string, fingerprint: string, answer: string, now: number): void {
    this.#busy.delete(key);
    this.#done.set(key, { fingerprint, answer, at: now });
    this.#chars += answer.length;
    this.#expire(now);
  }

  /** The request failed, at least in part: it may be sent again with the same key. */
  abandon(key: string): void {
    this.#busy.delete(key);
  }

  /** Forgets all answers. Repeating a request then carries it out again, which is safe. */
  clear(): void {
    this.#done.clear();
    this.#chars = 0;
  }

  #expire(now: number): void {
    const { keysMax, answerCharsMax, ageMsMax } = this.#options;
    for (const [key, { answer, at }] of this.#done) {
      if (this.#done.size <= keysMax && this.#chars <= answerCharsMax && now - at <= ageMsMax)
        return;
      this.#done.delete(key);
      this.#chars -= answer.length;
    }
  }
}
