// Reads the memory log as the only member of a consumer group.

import { assert, at } from '#core/errors/assert.ts';
import { Assignment } from '#core/pipeline/assignment.ts';
import { createPulledSource } from '#core/pipeline/pulled-source.ts';
import type { Delivery, EventSource, LogRecord, Position } from '#core/ports.ts';
import type { MemoryPartitions } from './memory-partitions.ts';
import { untilDisposed } from './until-disposed.ts';

/** A consumer group: the offset to read next per partition, and whether it has a member now. */
export type MemoryGroup = { readonly committed: number[]; isOpen: boolean };

export type MemorySourceOptions = {
  readonly topic: string;
  readonly partitions: MemoryPartitions;
  readonly group: MemoryGroup;
  /** Callbacks for every append to the log. */
  readonly appended: Set<() => void>;
  readonly unsettledMax: number;
  readonly batchMax: number;
};

export type MemorySource = EventSource & {
  /**
   * Ends the source as a crash would: it commits nothing more, and the next source of its group
   * starts at the last commit.
   */
  crash(): void;
};

export function createMemorySource({
  topic,
  partitions,
  group,
  appended,
  unsettledMax,
  batchMax,
}: MemorySourceOptions): MemorySource {
  const assignment = new Assignment(unsettledMax);
  const epochs = group.committed.map((from, partition) => assignment.assign(partition, from));
  let isCommitDue = false;
  let turn = 0;

  const commit = (): void => {
    isCommitDue = false;
    const commits = assignment.commits();
    for (const { partition, offset } of commits) group.committed[partition] = offset;
    assignment.committed(commits);
  };

  const deliveryOf = (record: LogRecord, position: Position, epoch: number): Delivery => {
    let isSettled = false;
    return {
      ...record,
      position,
      settle() {
        assert(!isSettled, `Offset ${position.offset} was settled twice`);
        isSettled = true;
        if (!assignment.settle(position.partition, epoch, position.offset)) return;
        pulled.wake();
        // One commit for everything that is settled in the same turn of the event loop.
        if (!isCommitDue) queueMicrotask(commit);
        isCommitDue = true;
      },
    };
  };

  /** A batch of one partition, as much as its ledger takes. The partitions take turns. */
  const deliver = (): readonly Delivery[] => {
    for (let tried = 0; tried < epochs.length; tried++) {
      const partition = turn;
      turn = (turn + 1) % epochs.length;
      const epoch = at(epochs, partition);
      const next = assignment.next(partition, epoch);
      if (next === null) continue;
      const count = Math.min(batchMax, assignment.room(partition, epoch));
      const records = partitions.read(partition, next, count);
      if (records.length === 0) continue;
      return records.map((record, index) => {
        const offset = next + index;
        assignment.deliver(partition, epoch, offset);
        return deliveryOf(record, { topic, partition, offset }, epoch);
      });
    }
    return [];
  };

  const pulled = createPulledSource({ fetch: () => undefined, deliver });
  group.isOpen = true;
  appended.add(pulled.wake);

  const close = (): void => {
    if (pulled.closed.aborted) return;
    for (const partition of assignment.partitions()) assignment.revoke(partition);
    group.isOpen = false;
    appended.delete(pulled.wake);
    pulled.close();
  };

  return untilDisposed('A memory source', {
    kind: 'memory',
    deliveries: pulled.deliveries,
    async lag() {
      return assignment.partitions().map((partition) => ({
        partition,
        topic,
        lag: partitions.end(partition) - at(group.committed, partition),
      }));
    },
    unsettled: () => assignment.unsettled(),
    health: () => null,
    crash: close,
    async [Symbol.asyncDispose]() {
      commit();
      close();
    },
  });
}
