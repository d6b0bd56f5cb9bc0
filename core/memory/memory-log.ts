// The reference event log: partitions, offsets and consumer groups as every adapter must have them,
// in memory.

import { assert, at } from '#core/errors/assert.ts';
import type { EventSink } from '#core/ports.ts';
import { MemoryPartitions, type MemoryPartitionsOptions } from './memory-partitions.ts';
import { createMemorySource, type MemoryGroup, type MemorySource } from './memory-source.ts';
import { untilDisposed } from './until-disposed.ts';

export type MemoryLogOptions = MemoryPartitionsOptions & {
  /** Bound of delivered records per partition, from the first unsettled one on. */
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

export type MemoryLog = {
  readonly sink: EventSink;
  /** The only member of its group until it is disposed or crashes. It holds every partition. */
  source(groupId: string): MemorySource;
};

/**
 * One log, which outlives its sources as a broker would. A full log drops what every group has
 * committed.
 */
export function createMemoryLog(options: Partial<MemoryLogOptions> = {}): MemoryLog {
  const { unsettledMax, batchMax, ...log } = { ...defaults, ...options };
  const partitions = new MemoryPartitions(log);
  const groups = new Map<string, MemoryGroup>();
  const appended = new Set<() => void>();

  const dropCommitted = (): void => {
    if (groups.size === 0) return;
    for (const partition of partitions.starts().keys()) {
      const committed = [...groups.values()].map((group) => at(group.committed, partition));
      partitions.dropBelow(partition, Math.min(...committed));
    }
  };

  return {
    sink: untilDisposed<EventSink>('The sink of a memory log', {
      async append(records) {
        if (!partitions.fits(records)) dropCommitted();
        const positions = partitions.append(records);
        for (const notify of appended) notify();
        return positions;
      },
      async [Symbol.asyncDispose]() {},
    }),

    source(groupId) {
      const group = groups.get(groupId) ?? { committed: partitions.starts(), isOpen: false };
      assert(!group.isOpen, `The group ${groupId} of a memory log has a member already`);
      groups.set(groupId, group);
      return createMemorySource({
        topic: log.topic,
        partitions,
        group,
        appended,
        unsettledMax,
        batchMax,
      });
    },
  };
}
