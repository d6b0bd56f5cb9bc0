// Holds the records of the memory log: each partition grows at its end and is cut at its start.

import { assert, at } from '#core/errors/assert.ts';
import { LogFullError } from '#core/errors/errors.ts';
import { createPartitioner } from '#core/event/partition-of-key.ts';
import { recordBytes } from '#core/event/record-bytes.ts';
import type { LogRecord, Position } from '#core/ports.ts';

export type MemoryPartitionsOptions = {
  readonly topic: string;
  readonly partitions: number;
  /** Bound of all records together, as `recordBytes` measures them. */
  readonly bytesMax: number;
};

/** `records[i]` has the offset `start + i`. */
type Partition = { start: number; records: LogRecord[] };

export class MemoryPartitions {
  readonly #options: MemoryPartitionsOptions;
  readonly #partitions: readonly Partition[];
  readonly #partitionFor: (key: Uint8Array | null) => number;
  #bytes = 0;

  constructor(options: MemoryPartitionsOptions) {
    this.#options = options;
    this.#partitions = Array.from({ length: options.partitions }, () => ({
      start: 0,
      records: [],
    }));
    this.#partitionFor = createPartitioner(options.partitions);
  }

  /** The first offset that is still held, per partition. */
  starts(): number[] {
    return this.#partitions.map(({ start }) => start);
  }

  /** The offset that the partition's next record will have. */
  end(partition: number): number {
    const { start, records } = at(this.#partitions, partition);
    return start + records.length;
  }

  /**
   * Positions in input order. All records are stored, or none.
   *
   * @throws LogFullError when they do not fit
   */
  append(added: readonly LogRecord[]): Position[] {
    const { topic, bytesMax } = this.#options;
    const size = bytesOf(added);
    if (!this.fits(added))
      throw new LogFullError(
        `The log holds ${this.#bytes} of ${bytesMax} bytes, so ${size} more do not fit. ` +
          'Try again once events have been processed.',
      );
    this.#bytes += size;
    return added.map((record) => {
      const partition = this.#partitionFor(record.key);
      const { start, records } = at(this.#partitions, partition);
      records.push(copyOf(record));
      return { topic, partition, offset: start + records.length - 1 };
    });
  }

  fits(added: readonly LogRecord[]): boolean {
    return this.#bytes + bytesOf(added) <= this.#options.bytesMax;
  }

  /** At most `count` records from offset `from` on. */
  read(partition: number, from: number, count: number): readonly LogRecord[] {
    const { start, records } = at(this.#partitions, partition);
    assert(
      from >= start,
      `Offset ${from} of partition ${partition} was dropped before it was read`,
    );
    return records.slice(from - start, from - start + count).map(copyOf);
  }

  /** Drops every record below `offset`. */
  dropBelow(partition: number, offset: number): void {
    const held = at(this.#partitions, partition);
    const dropped = held.records.slice(0, Math.max(0, offset - held.start));
    held.records = held.records.slice(dropped.length);
    held.start += dropped.length;
    this.#bytes -= bytesOf(dropped);
  }
}

function bytesOf(records: readonly LogRecord[]): number {
  return records.reduce((sum, record) => sum + recordBytes(record), 0);
}

/** A record with its own bytes: neither side sees what the other does to its buffers later. */
function copyOf({ key, value, headers, timestamp, isTombstone }: LogRecord): LogRecord {
  return {
    key: key && new Uint8Array(key),
    value: new Uint8Array(value),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, header]) => [name, new Uint8Array(header)]),
    ),
    timestamp,
    ...(isTombstone !== undefined && { isTombstone }),
  };
}
