// Gathers items into batches. A full batch is due at once, and any other when its oldest item has
// waited long enough.
//
// The batcher itself has no bound. Its callers hold a bounded number of deliveries, and each has at
// most one item here.

import { Fifo } from '#core/collections/fifo.ts';
import { assert } from '#core/errors/assert.ts';

export type BatcherOptions<T> = {
  /** Items per batch. */
  readonly countMax: number;
  /** Sum of the weights of a batch. An item that weighs more goes alone. */
  readonly weightMax: number;
  /** How long an item waits for its batch to fill, ms. */
  readonly ageMsMax: number;
  /** An integer, at least 0, in the unit of `weightMax` (characters or bytes). */
  readonly weightOf: (item: T) => number;
};

type Waiting<T> = { readonly item: T; readonly weight: number; readonly addedAt: number };

/** `now` is monotonic milliseconds, and never smaller than in the call before. */
export class Batcher<T> {
  readonly #options: BatcherOptions<T>;
  readonly #waiting = new Fifo<Waiting<T>>();
  #weight = 0;

  constructor(options: BatcherOptions<T>) {
    assert(options.countMax >= 1, `A batch of at most ${options.countMax} items`);
    this.#options = options;
  }

  add(item: T, now: number): void {
    const weight = this.#options.weightOf(item);
    assert(Number.isSafeInteger(weight) && weight >= 0, `An item weighs ${weight}`);
    this.#waiting.push({ item, weight, addedAt: now });
    this.#weight += weight;
  }

  /** One batch that is due, in the order of `add`. `null` when no batch is due. */
  take(now: number): T[] | null {
    const dueAt = this.nextDueAt();
    if (dueAt === null || now < dueAt) return null;
    const { countMax, weightMax } = this.#options;
    const batch: T[] = [];
    let weight = 0;
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      if (batch.length === countMax || (batch.length > 0 && weight + next.weight > weightMax))
        break;
      this.#waiting.take();
      weight += next.weight;
      batch.push(next.item);
    }
    this.#weight -= weight;
    return batch;
  }

  /**
   * When `take` returns a batch if nothing is added until then. In the past when a batch is full,
   * `null` when nothing waits.
   */
  nextDueAt(): number | null {
    const oldest = this.#waiting.peek();
    if (oldest === undefined) return null;
    const isFull =
      this.#waiting.size >= this.#options.countMax || this.#weight >= this.#options.weightMax;
    return isFull ? oldest.addedAt : oldest.addedAt + this.#options.ageMsMax;
  }
}
