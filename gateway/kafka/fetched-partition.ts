// Holds the records of one partition that were fetched and are not delivered yet: in order, each
// offset once, and measured in bytes.

import { Fifo } from '#core/collections/fifo.ts';
import { recordBytes } from '#core/event/record-bytes.ts';
import type { FetchedRecord } from '../../kafka/kafka-record.ts';

export class FetchedPartition {
  readonly #fetched = new Fifo<FetchedRecord>();
  #bytes = 0;
  #position: number | null = null;
  /** The assignment's epoch; `null` until the first record shows where the partition begins. */
  epoch: number | null = null;
  isPaused = false;
  /** False while another member may have committed past what is held here. */
  isConfirmed = true;

  /** The offset to fetch next; `null` until something was fetched. */
  get position(): number | null {
    return this.#position;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#fetched.size;
  }

  /**
   * Adds the records that are new. After a rebalance a broker may send records again that are
   * already held or delivered.
   *
   * @param next the offset after the fetched batch
   */
  add(records: readonly FetchedRecord[], next: number): void {
    for (const record of records) {
      if (this.#position !== null && record.offset < this.#position) continue;
      this.#fetched.push(record);
      this.#bytes += recordBytes(record);
      this.#position = record.offset + 1;
    }
    this.skipTo(next);
  }

  /** Everything below `next` has been read. */
  skipTo(next: number): void {
    this.#position = Math.max(this.#position ?? next, next);
  }

  /**
   * Removes the first records: at most `countMax`, and no more once they reach `bytesMax`. The last
   * one may exceed `bytesMax`, so that a large record passes.
   */
  take(countMax: number, bytesMax: number): readonly FetchedRecord[] {
    const taken: FetchedRecord[] = [];
    let bytes = 0;
    while (taken.length < countMax && bytes < bytesMax) {
      const record = this.#fetched.take();
      if (record === undefined) break;
      taken.push(record);
      bytes += recordBytes(record);
    }
    this.#bytes -= bytes;
    return taken;
  }
}
