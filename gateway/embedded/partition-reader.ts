// Reads the partitions of the embedded log in turn, and turns the records into deliveries of an
// assignment.

import { at } from '#core/errors/assert.ts';
import type { Assignment } from '#core/pipeline/assignment.ts';
import type { Delivery, Outcome } from '#core/ports.ts';
import type { ReaderApi } from './reader.ts';
import { unpackLogRecords } from './record-codec.ts';
import type { ReadAnswer } from './sql/log-reads.ts';
import type { GroupOffset } from './sql/log-writes.ts';
import type { WorkerClient } from './worker-rpc.ts';

export type PartitionReaderOptions = {
  readonly reader: WorkerClient<ReaderApi>;
  readonly topic: string;
  readonly assignment: Assignment;
  /** The epoch of each assigned partition. */
  readonly epochs: ReadonlyMap<number, number>;
  /** Records and bytes per batch. */
  readonly batchMax: number;
  readonly batchBytesMax: number;
  /** Empties a record that is erased. */
  readonly empty: (position: GroupOffset) => Promise<void>;
  /** Called for the first settle of each delivery. */
  readonly onSettle: () => void;
};

export class PartitionReader {
  readonly #options: PartitionReaderOptions;
  #turn = 0;

  constructor(options: PartitionReaderOptions) {
    this.#options = options;
  }

  /**
   * Reads every partition from its next offset on, starting with another partition each time. A
   * partition that may deliver nothing now is left out; `null` when this is true of all.
   */
  async read(): Promise<ReadAnswer | null> {
    const { reader, assignment, epochs, batchMax, batchBytesMax } = this.#options;
    const from = [...epochs].flatMap(([partition, epoch]) => {
      const max = assignment.room(partition, epoch);
      const offset = assignment.next(partition, epoch);
      return max === 0 || offset === null ? [] : [{ partition, offset, max }];
    });
    if (from.length === 0) return null;
    this.#turn = (this.#turn + 1) % from.length;
    return reader.call('read', {
      from: [...from.slice(this.#turn), ...from.slice(0, this.#turn)],
      recordsMax: batchMax,
      bytesMax: batchBytesMax,
    });
  }

  /** The deliveries of an answer to `read`. Their offsets count as delivered from now on. */
  deliver({ packed, partitions, offsets }: ReadAnswer): readonly Delivery[] {
    const { topic, assignment, epochs, onSettle, empty } = this.#options;
    return unpackLogRecords(packed).flatMap((record, index): Delivery[] => {
      const [partition, offset] = [at(partitions, index), at(offsets, index)];
      const epoch = epochs.get(partition);
      if (epoch === undefined || !assignment.deliver(partition, epoch, offset)) return [];
      const settled = (): void => {
        if (assignment.settle(partition, epoch, offset)) onSettle();
      };
      const settle = ({ status }: Outcome): void => {
        // Nobody asks for an erased record again, so it is emptied before its place is committed.
        if (status === 'erased') void empty({ partition, offset }).then(settled, settled);
        else settled();
      };
      return [{ ...record, position: { topic, partition, offset }, settle }];
    });
  }
}
