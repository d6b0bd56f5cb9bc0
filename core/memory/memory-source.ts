// The reference event log: partitions, offsets and consumer groups as every adapter must have them,
// in memory.

import { assert } from '#core/errors/assert.ts';
import { LogFullError } from '#core/errors/errors.ts';
import { createPartitioner } from '#core/event/partition-of-key.ts';
import { Assignment } from '#core/pipeline/assignment.ts';
import type {
  Delivery,
  EventSink,
  EventSource,
  LogRecord,
  PartitionLag,
  Position,
} from '#core/ports.ts';

export type MemoryLogOptions = {
  readonly topic: string;
  readonly partitions: number;
  /**
   * Bytes of keys, values and headers that the log holds; what every group has committed makes
   * room.
   */
  readonly bytesMax: number;
  /** Delivered records per partition from its first unsettled one on. */
  readonly unsettledMax: number;
  /** Records per batch of `deliveries`. */
  readonly batchMax: number;
};

const defaults: MemoryLogOptions = {
  topic: 'events',
  partitions: 1,
  bytesMax: 256 * 2 ** 20,
  unsettledMax: 10_000,
  batchMax: 500,
};

export type MemorySource = EventSource & {
  /**
   * Ends it as a crash would: it commits nothing more, and the next source of its group starts at
   * the last commit.
   */
  crash(): void;
};

export type MemoryLog = {
  readonly sink: EventSink;
  /** The only member of its group until it is disposed or crashes; it holds every partition. */
  source(groupId: string): MemorySource;
};

/** `records[i]` has the offset `start + i`. */
type Partition = { start: number; records: LogRecord[] };
type Group = { readonly committed: number[]; open: boolean };

/**
 * One log, which outlives its sources as a broker would. A second settle of a delivery, and one
 * after its source has ended, are ignored.
 */
export function createMemoryLog(options: Partial<MemoryLogOptions> = {}): MemoryLog {
  const settings = { ...defaults, ...options };
  const partitions = Array.from({ length: settings.partitions }, (): Partition => ({
    start: 0,
    records: [],
  }));
  const groups = new Map<string, Group>();
  const appended = new Set<() => void>();
  const partitionFor = createPartitioner(settings.partitions);
  let bytes = 0;

  const partition = (index: number): Partition => {
    const found = partitions[index];
    assert(found, `The log has no partition ${index}`);
    return found;
  };

  const dropCommitted = (): void => {
    if (groups.size === 0) return;
    partitions.forEach((each, index) => {
      const committed = [...groups.values()].map((group) => group.committed[index] ?? 0);
      const dropped = each.records.slice(0, Math.max(0, Math.min(...committed) - each.start));
      each.records = each.records.slice(dropped.length);
      each.start += dropped.length;
      bytes -= dropped.reduce((sum, record) => sum + bytesOf(record), 0);
    });
  };

  const sink: EventSink = {
    async append(records) {
      const size = records.reduce((sum, record) => sum + bytesOf(record), 0);
      if (bytes + size > settings.bytesMax) dropCommitted();
      if (bytes + size > settings.bytesMax) {
        throw new LogFullError(
          `The log holds ${bytes} of ${settings.bytesMax} bytes: no room for ${size} more before events are worked off.`,
        );
      }
      bytes += size;
      const positions = records.map((record): Position => {
        const index = partitionFor(record.key);
        const { start, records: kept } = partition(index);
        kept.push(copyOf(record));
        return { topic: settings.topic, partition: index, offset: start + kept.length - 1 };
      });
      for (const notify of appended) notify();
      return positions;
    },
    async [Symbol.asyncDispose]() {},
  };

  const source = (groupId: string): MemorySource => {
    const group = groups.get(groupId) ?? {
      committed: partitions.map((each) => each.start),
      open: false,
    };
    assert(!group.open, `The group ${groupId} of a memory log has a member already`);
    group.open = true;
    groups.set(groupId, group);

    const assignment = new Assignment(settings.unsettledMax);
    const epochs = group.committed.map((from, index) => assignment.assign(index, from));
    let commitIsDue = false;
    let started = false;
    let turn = 0;
    let change = Promise.withResolvers<void>();

    const wake = (): void => {
      change.resolve();
      change = Promise.withResolvers();
    };
    appended.add(wake);

    const commit = (): void => {
      commitIsDue = false;
      const commits = assignment.commits();
      for (const { partition: index, offset } of commits) group.committed[index] = offset;
      assignment.committed(commits);
    };

    const close = (): void => {
      if (assignment.partitions().length === 0) return;
      for (const index of assignment.partitions()) assignment.revoke(index);
      group.open = false;
      appended.delete(wake);
      wake();
    };

    const deliveryOf = (record: LogRecord, position: Position, epoch: number): Delivery => ({
      ...copyOf(record),
      position,
      settle() {
        if (!assignment.settle(position.partition, epoch, position.offset)) return;
        wake();
        // One commit for all that is settled in the same turn of the event loop.
        if (!commitIsDue) queueMicrotask(commit);
        commitIsDue = true;
      },
    });

    /** The next batch: what one partition has and its ledger takes, the partitions in turn. */
    const read = (): readonly Delivery[] => {
      for (let tried = 0; tried < partitions.length; tried++) {
        const index = turn;
        turn = (turn + 1) % partitions.length;
        const epoch = epochs[index] ?? 0;
        const next = assignment.next(index, epoch);
        if (next === null) continue;
        const { start, records } = partition(index);
        const count = Math.min(settings.batchMax, assignment.room(index, epoch));
        const batch = records.slice(next - start, next - start + count);
        if (batch.length === 0) continue;
        return batch.map((record, i) => {
          assignment.deliver(index, epoch, next + i);
          return deliveryOf(
            record,
            { topic: settings.topic, partition: index, offset: next + i },
            epoch,
          );
        });
      }
      return [];
    };

    return {
      kind: 'memory',
      async *deliveries(signal) {
        assert(!started, 'The deliveries of a source were asked for twice');
        started = true;
        signal.addEventListener('abort', wake);
        try {
          while (!signal.aborted && assignment.partitions().length > 0) {
            const { promise: changed } = change;
            const batch = read();
            if (batch.length > 0) yield batch;
            else await changed;
          }
        } finally {
          signal.removeEventListener('abort', wake);
        }
      },
      async lag() {
        return assignment.partitions().map((index): PartitionLag => {
          const { start, records } = partition(index);
          return {
            partition: index,
            lag: start + records.length - (group.committed[index] ?? start),
          };
        });
      },
      unsettled: () => assignment.unsettled(),
      health: () => null,
      crash: close,
      async [Symbol.asyncDispose]() {
        commit();
        close();
      },
    };
  };

  return { sink, source };
}

function bytesOf({ key, value, headers }: LogRecord): number {
  let bytes = (key?.length ?? 0) + value.length;
  for (const [name, header] of Object.entries(headers)) bytes += name.length + header.length;
  return bytes;
}

/** A record of its own bytes: neither side sees what the other does to its buffers later. */
function copyOf({ key, value, headers, timestamp }: LogRecord): LogRecord {
  return {
    key: key && new Uint8Array(key),
    value: new Uint8Array(value),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, header]) => [name, new Uint8Array(header)]),
    ),
    timestamp,
  };
}
