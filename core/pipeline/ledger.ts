// Knows how far one partition may be committed: never past an event that is not settled.
//
//     deliver 4, 5, 9          head 4      (6 to 8 do not exist: a log may have gaps)
//     settle 5                 head 4
//     settle 4                 head 9
//     settle 9                 head 10

import { Fifo } from '#core/collections/fifo.ts';
import { assert } from '#core/errors/assert.ts';

export class Ledger {
  readonly #spanMax: number;
  /** Delivered offsets from the first unsettled one on, ascending. */
  readonly #span = new Fifo<number>();
  readonly #unsettled = new Set<number>();
  #next: number;

  /**
   * @param from the first offset that may be delivered, which is the committed one
   * @param spanMax bound of the delivered offsets from the first unsettled one on. Settled offsets
   *   after it count too, because they take memory and are delivered again after a crash.
   */
  constructor(from: number, spanMax: number) {
    assert(Number.isSafeInteger(from) && from >= 0, `A ledger starts at offset ${from}`);
    assert(spanMax >= 1, `A ledger spans at least one offset, not ${spanMax}`);
    this.#next = from;
    this.#spanMax = spanMax;
  }

  /** How many more records may be delivered now. At 0 the caller pauses the partition. */
  room(): number {
    return this.#spanMax - this.#span.size;
  }

  /** Offsets ascend and may have gaps. Call it only while there is room. */
  deliver(offset: number): void {
    assert(
      Number.isSafeInteger(offset) && offset >= this.#next,
      `Offset ${offset} was delivered after ${this.#next - 1}`,
    );
    assert(
      this.room() > 0,
      `Offset ${offset} was delivered beyond the ledger's bound of ${this.#spanMax}`,
    );
    this.#next = offset + 1;
    this.#span.push(offset);
    this.#unsettled.add(offset);
  }

  /**
   * Says that everything below `offset` was read. Needed when the log ends in a gap, because the
   * lag would otherwise never reach 0.
   */
  skipTo(offset: number): void {
    this.#next = Math.max(this.#next, offset);
  }

  /** True the first time an offset is settled. Later calls return false and change nothing. */
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

  /** The offset to commit, where reading resumes after a restart: the first that is not settled. */
  head(): number {
    return this.#span.peek() ?? this.#next;
  }

  /** The lowest offset that may be delivered next. */
  next(): number {
    return this.#next;
  }

  /** How many delivered offsets are not settled. */
  unsettled(): number {
    return this.#unsettled.size;
  }
}
