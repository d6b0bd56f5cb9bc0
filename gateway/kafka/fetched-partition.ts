// Holds what was fetched of one partition and is not delivered yet: in order, each offset once, and
// told when it is enough.

import type { KafkaMessage } from 'kafkajs';
import { Fifo } from '#core/collections/fifo.ts';

/** What a message takes besides its bytes, roughly. */
const messageOverheadBytes = 300;

export class FetchedPartition {
  readonly #fetched = new Fifo<KafkaMessage>();
  #bytes = 0;
  #position: number | null = null;
  /** Of the assignment; `null` until the first record tells where it begins. */
  epoch: number | null = null;
  isPaused = false;

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
   * Takes what is new. After a rebalance a broker may send again what is here, or delivered,
   * already.
   */
  add(messages: readonly KafkaMessage[], next: number): void {
    for (const message of messages) {
      const offset = Number(message.offset);
      if (this.#position !== null && offset < this.#position) continue;
      this.#fetched.push(message);
      this.#bytes += bytesOf(message);
      this.#position = offset + 1;
    }
    this.skipTo(next);
  }

  /** Up to here all is read. */
  skipTo(next: number): void {
    this.#position = Math.max(this.#position ?? next, next);
  }

  /** The first messages, at least one if there is any, at most so many and about so many bytes. */
  take(countMax: number, bytesMax: number): readonly KafkaMessage[] {
    const taken: KafkaMessage[] = [];
    let bytes = 0;
    while (taken.length < countMax && bytes < bytesMax) {
      const message = this.#fetched.take();
      if (message === undefined) break;
      taken.push(message);
      bytes += bytesOf(message);
    }
    this.#bytes -= bytes;
    return taken;
  }
}

const bytesOf = ({ key, value }: KafkaMessage): number =>
  (key?.length ?? 0) + (value?.length ?? 0) + messageOverheadBytes;
