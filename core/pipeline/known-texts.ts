// Sees to it that a text known to be stored is not looked up again, and that no text is computed
// twice at the same time.

import { assert } from '#core/errors/assert.ts';

export type KnownTextsOptions<R> = {
  /**
   * How many known ids are kept; the one that was not asked for the longest goes first. Read at
   * every use.
   */
  readonly entriesMax: number;
  /**
   * How long an id stays known after its computation began, however often it is asked for: the
   * store forgets a text only when it has had no event for longer than this.
   */
  readonly ttlMs: number;
  /** Whether a result means that the text is in the store now. */
  readonly succeeded: (result: R) => boolean;
};

export type TextState = 'known' | 'in-flight' | 'unknown';

/** Calls of `share`: answered from the cache, from a computation in flight, or by starting one. */
export type KnownTextsCounts = {
  readonly hits: number;
  readonly shared: number;
  readonly misses: number;
};

/**
 * `now` is monotonic milliseconds. Computations in flight are as many as the distinct texts of the
 * events in work.
 */
export class KnownTexts<R> {
  readonly #options: KnownTextsOptions<R>;
  /** Id to the time at which it is no longer known; the id asked for last is last. */
  readonly #known = new Map<string, number>();
  readonly #inFlight = new Map<string, Promise<R>>();
  #hits = 0;
  #shared = 0;
  #misses = 0;

  constructor(options: KnownTextsOptions<R>) {
    assert(options.entriesMax >= 0, `A cache of ${options.entriesMax} texts`);
    this.#options = options;
  }

  /** Looks without counting and without making the entry younger. */
  state(id: string, now: number): TextState {
    if (this.#isKnown(id, now)) return 'known';
    return this.#inFlight.has(id) ? 'in-flight' : 'unknown';
  }

  /**
   * `known` at once when the id is known; else the result of the computation in flight, which is
   * started when there is none. Its failure, a throw included, reaches everybody who waits for it,
   * and the id stays unknown.
   */
  share(id: string, now: number, compute: () => Promise<R>): Promise<R | 'known'> {
    if (this.#isKnown(id, now)) {
      this.#hits += 1;
      this.#makeYoungest(id);
      return Promise.resolve('known');
    }
    const running = this.#inFlight.get(id);
    if (running !== undefined) {
      this.#shared += 1;
      return running;
    }
    this.#misses += 1;
    const { promise, resolve } = Promise.withResolvers<R>();
    this.#inFlight.set(id, promise);
    resolve(this.#run(id, now, compute));
    return promise;
  }

  /**
   * The store does not have this text after all. A computation in flight goes on: it ends with the
   * text in the store.
   */
  forget(id: string): void {
    this.#known.delete(id);
  }

  size(): number {
    return this.#known.size;
  }

  counts(): KnownTextsCounts {
    return { hits: this.#hits, shared: this.#shared, misses: this.#misses };
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

  #makeYoungest(id: string): void {
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
   * A hundredth at a time: an iterator steps over every slot that was emptied before, so that one
   * for each id would be quadratic. And one that is kept would keep every table alive that the map
   * has outgrown since.
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
