// Begins partitions where the group's start says: until the group has committed that place, nothing
// of them is fetched, so that a crash cannot move it.

import type { Clock } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';
import type { ActiveConsumer } from './active-consumer.ts';
import type { KafkaAssignment, ResumedPartition } from './kafka-assignment.ts';
import type { KafkaLag } from './kafka-lag.ts';
import type { TopicPartition } from './topic-partitions.ts';

export type BeginningParts = {
  readonly assignment: KafkaAssignment<TopicPartition>;
  readonly active: ActiveConsumer;
  readonly lag: KafkaLag;
  readonly retryMs: number;
  readonly clock: Clock;
};

/** The partitions as they were assigned; those that have no position yet are paused. */
export const heldBack = (
  assigned: readonly ResumedPartition<TopicPartition>[],
): readonly ResumedPartition<TopicPartition>[] =>
  assigned.map((each) => (each.seekTo === null ? { ...each, isPaused: true } : each));

/**
 * Resolves when the partitions that were held back are fetched, or when `signal` aborts.
 *
 * @param signal aborts when the assignment ends
 */
export async function beginPartitions(
  { assignment, active, lag, retryMs, clock }: BeginningParts,
  signal: AbortSignal,
): Promise<void> {
  const begin = async (): Promise<void> => {
    const offsets = await lag.offsets();
    const starts = assignment.fresh().flatMap((partition) => {
      const offset = offsets.get(partition);
      return offset === undefined ? [] : [{ ...offset, partition, offset: offset.committed }];
    });
    const uncommitted = starts.filter(({ hasCommit }) => !hasCommit);
    if (signal.aborted) return;
    if (uncommitted.length > 0 && !(await active.commit(uncommitted))) return;
    for (const { partition, offset } of starts) {
      if (signal.aborted) return;
      assignment.begin(partition, offset);
      active.seek(partition, offset);
      active.setPaused(partition, 'resume');
    }
  };
  while (!signal.aborted && assignment.fresh().length > 0) {
    await begin().catch(() => undefined);
    if (assignment.fresh().length > 0) await rest(clock, retryMs, signal);
  }
}
