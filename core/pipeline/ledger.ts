// Knows, for one partition, how far it may be committed: never past an event that is not settled.
//
//   deliver 4, 5, 9          head 4      (6 to 8 do not exist: a log may have gaps)
//   settle 5                 head 4
//   settle 4                 head 9
//   settle 9                 head 10

import { Fifo } from '#core/collections/fifo.ts';
import { assert } from '#core/errors/assert.ts';

export class Ledger {
  readonly #spanMax: number;
  /** Delivered offsets from the first unsettled one on, ascending. */
  readonly #span = new Fifo<number>();
  readonly #unsettled = new Set<number>();
  #next: number;

  /**
   * @param from the first offset that may be delivered: what was committed before
   * @param spanMax how many delivered offsets there may be from the first unsettled one on. Settled
   *   ones behind it count, because they too take memory and come again after a crash.
   */
  constructor(from: number, spanMax: number) {
    assert(Number.isSafeInteger(from) && from >= 0, `A ledger starts at offset ${from}`);
    assert(spanMax >= 1, `A ledger spans at least one offset, not ${spanMax}`);
    this.#next = from;
    this.#spanMax = spanMax;
  }

  /** How many more may be delivered now. At 0 the caller pauses the partition. */
  room(): number {
    return this.#spanMax - this.#span.size;
  }

  full(): boolean {
    return this.room() === 0;
  }

  /** Offsets come in ascending order, gaps allowed, and only while there is room. */
  deliver(offset: number): void {
    assert(
      Number.isSafeInteger(offset) && offset >= this.#next,
      `Offset ${offset} was delivered after ${this.#next - 1}`,
    );
    assert(
      !this.full(),
      `Offset ${offset} was delivered beyond the ledger's bound of ${this.#spanMax}`,
    );
    this.#next = offset + 1;
    this.#span.push(offset);
    this.#unsettled.add(offset);
  }

  /**
   * Says that everything below `offset` was read, when the log ends in a gap; else its lag would
   * never fall to 0.
   */
  skipTo(offset: number): void {
    this.#next = Math.max(this.#next, offset);
  }

  /**
   * True when the offset was waiting for this. False when it was settled before: the second word
   * about one event changes nothing, whoever had the first.
   */
  settle(offset: number): boolean {
    assert(offset < this.#next, `Offset ${offset} was settled before it was delivered`);
    if (!this.#unsettled.delete(offset)) return false;
    for (
      let first = this.#span.peek();
      first !== undefined && !this.#unsettled.has(first);
      first = this.#span.peek()
    ) {
      this.#span.take();
    }
    return true;
  }

  /**
   * The offset to commit, which is the one to read next after a restart: the first that is not
   * settled.
   */
  head(): number {
    return this.#span.peek() ?? this.#next;
  }

  /** The lowest offset that may be delivered next. */
  next(): number {
    return this.#next;
  }

  /** Delivered and not settled. */
  unsettled(): number {
    return this.#unsettled.size;
  }
}
