// Remembers which texts are stored, so that none is looked up again soon, and shares each running
// computation, so that no text is computed twice at once.

import { assert } from '#core/errors/assert.ts';

export type KnownTextsOptions<R> = {
  /** How many known ids are kept; the least recently used goes first. Read at every use. */
  readonly entriesMax: number;
  /**
   * How long an id stays known after its computation began, however often it is used. Must be
   * shorter than the time after which the store forgets a text without events.
   */
  readonly ttlMs: number;
  /** Whether a result means that the text is now in the store. */
  readonly succeeded: (result: R) => boolean;
};

export type TextState = 'known' | 'in-flight' | 'unknown';

/**
 * `now` is monotonic milliseconds. There are at most as many computations in flight as distinct
 * texts among the events in flight.
 */
export class KnownTexts<R> {
  readonly #options: KnownTextsOptions<R>;
  /** When each id stops being known. The most recently used id is last. */
  readonly #known = new Map<string, number>();
  readonly #inFlight = new Map<string, Promise<R>>();

  constructor(options: KnownTextsOptions<R>) {
    assert(options.entriesMax >= 0, `A cache of ${options.entriesMax} texts`);
    this.#options = options;
  }

  /** Does not count as a use. */
  state(id: string, now: number): TextState {
    if (this.#isKnown(id, now)) return 'known';
    return this.#inFlight.has(id) ? 'in-flight' : 'unknown';
  }

  /** Whether the id is known; if so, this counts as a use. */
  use(id: string, now: number): boolean {
    if (!this.#isKnown(id, now)) return false;
    this.#moveToEnd(id);
    return true;
  }

  /**
   * Resolves with `known` at once when the id is known. Otherwise it resolves with the result of
   * the computation in flight, and starts one when there is none. When the computation fails or
   * throws, every caller that waits for it gets that, and the id stays unknown.
   */
  share(id: string, now: number, compute: () => Promise<R>): Promise<R | 'known'> {
    if (this.use(id, now)) return Promise.resolve('known');
    const running = this.#inFlight.get(id);
    if (running !== undefined) return running;
    const { promise, resolve } = Promise.withResolvers<R>();
    this.#inFlight.set(id, promise);
    resolve(this.#run(id, now, compute));
    return promise;
  }

  /** The store no longer has this text. A computation in flight goes on and stores it again. */
  forget(id: string): void {
    this.#known.delete(id);
  }

  async #run(id: string, startedAt: number, compute: () => Promise<R>): Promise<R> {
    try {
      const result = await compute();
      if (this.#options.succeeded(result)) this.#remember(id, startedAt + this.#options.ttlMs);
      return result;
    } finally {
      this.#inFlight.delete(id);
    }
  }

  #remember(id: string, until: number): void {
    this.#known.delete(id);
    this.#known.set(id, until);
    if (this.#known.size > this.#options.entriesMax) this.#dropOldest();
  }

  #moveToEnd(id: string): void {
    const until = this.#known.get(id);
    if (until === undefined) return;
    this.#known.delete(id);
    this.#known.set(id, until);
  }

  #isKnown(id: string, now: number): boolean {
    const until = this.#known.get(id);
    return until !== undefined && now < until;
  }

  /**
   * Drops a hundredth of the ids at a time. A new iterator steps over every slot of the map that
   * was emptied before, so dropping ids one by one takes quadratic time. Keeping one iterator
   * instead would keep every table alive that the map has outgrown since.
   */
  #dropOldest(): void {
    const { entriesMax } = this.#options;
    const kept = entriesMax - Math.max(0, Math.floor(entriesMax / 100) - 1);
    for (const id of this.#known.keys()) {
      if (this.#known.size <= kept) break;
      this.#known.delete(id);
    }
  }
}
