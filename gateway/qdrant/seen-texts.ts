// Remembers which texts were seen in the store recently, in bounded memory.

/**
 * The sweep deletes a text only after a grace that is far longer than this. An event may therefore
 * refer to a text seen within this time without another look-up, which saves nearly every batch of
 * events a request.
 */
const seenMs = 30_000;
const seenMax = 100_000;

export class SeenTexts {
  /** The time when each text was seen, by the monotonic clock, the oldest first. */
  readonly #seenAt = new Map<string, number>();

  /** @param at when the store was asked, by the monotonic clock */
  add(ids: Iterable<string>, at: number): void {
    for (const id of ids) {
      this.#seenAt.delete(id);
      this.#seenAt.set(id, at);
    }
    if (this.#seenAt.size > seenMax) this.#dropOldestHalf();
  }

  /** Whether it was seen within 30 s before `now`, by the monotonic clock. */
  has(id: string, now: number): boolean {
    return now - (this.#seenAt.get(id) ?? -Infinity) < seenMs;
  }

  /** Forgets these texts; without `ids` all of them. */
  forget(ids?: Iterable<string>): void {
    if (ids === undefined) this.#seenAt.clear();
    else for (const id of ids) this.#seenAt.delete(id);
  }

  /**
   * Half at once: a large Map that loses one entry at a time steps over the slots of all that it
   * lost before.
   */
  #dropOldestHalf(): void {
    let surplus = this.#seenAt.size - seenMax / 2;
    for (const id of this.#seenAt.keys()) {
      if (surplus-- <= 0) return;
      this.#seenAt.delete(id);
    }
  }
}
