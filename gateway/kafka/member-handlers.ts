// Says what a source does when its member of the consumer group prepares, joins, fetches and
// rebalances.

import type { UsageError } from '#core/errors/errors.ts';
import type { PulledSource } from '#core/pipeline/pulled-source.ts';
import type { Clock } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';
import { withAdmin } from '../../kafka/kafka-client.ts';
import type { KafkaClient, KafkaConsumer } from '../../kafka/kafka-port.ts';
import type { KafkaLog } from '../../kafka/kafka-settings.ts';
import type { ActiveConsumer } from './active-consumer.ts';
import { beginPartitions, heldBack } from './begin-partitions.ts';
import type { ChosenTopics } from './chosen-topics.ts';
import type { GroupStart } from './group-start.ts';
import type { KafkaAssignment } from './kafka-assignment.ts';
import type { KafkaCommits } from './kafka-commits.ts';
import type { KafkaLag } from './kafka-lag.ts';
import type { KafkaMemberHandlers } from './kafka-member.ts';
import type { SoleMember } from './sole-member.ts';
import type { TopicPartition, TopicPartitions } from './topic-partitions.ts';
import type { TopicWatches } from './topic-watch.ts';

/** The parts of a source that its member drives. */
export type SourceParts = {
  readonly client: KafkaClient;
  readonly lag: KafkaLag;
  readonly topics: ChosenTopics;
  readonly places: TopicPartitions;
  readonly start: GroupStart;
  readonly assignment: KafkaAssignment<TopicPartition>;
  readonly active: ActiveConsumer;
  readonly soleMember: SoleMember | null;
  readonly commits: KafkaCommits;
  readonly watches: TopicWatches;
  readonly pulled: PulledSource;
};

type Reporting = {
  readonly groupId: string;
  /** See `KafkaSourceOptions`. */
  readonly until: number | null;
  readonly retryMs: number;
  readonly clock: Clock;
  readonly log: KafkaLog;
};

export function memberHandlers(
  parts: SourceParts,
  { groupId, until, retryMs, clock, log }: Reporting,
): KafkaMemberHandlers {
  const { client, lag, topics, places, start, assignment, active, commits, watches, pulled } =
    parts;
  /** Ends with the assignment. */
  let assigned = new AbortController();

  return {
    async prepare() {
      active.ended();
      assigned.abort();
      const chosen = await withAdmin(client, async (admin) => {
        const found = await topics.choose(admin);
        await start.note(admin, found);
        return found;
      });
      for (const partition of assignment.partitions())
        if (!chosen.includes(partition.topic)) assignment.drop(partition);
      for (const topic of chosen) await watches.check(topic);
      assignment.restart();
      return chosen;
    },

    joined(consumer, partitionsOf, member) {
      const partitions = topics.current.flatMap((topic) =>
        partitionsOf(topic).map((partition) => places.of(topic, partition)),
      );
      const resumed = assignment.join(member, partitions);
      assigned.abort();
      assigned = new AbortController();
      active.joined(consumer, start.from === 'earliest' ? resumed : heldBack(resumed));
      log.info(
        { group: groupId, member, partitions: partitions.map(String) },
        'partitions assigned',
      );
      if (start.from !== 'earliest')
        void beginPartitions(
          { assignment, active, lag, retryMs, clock },
          AbortSignal.any([assigned.signal, pulled.closed]),
        );
      void confirmAlone(consumer, parts);
      void confirmKept(consumer, parts, { retryMs, clock });
      commits.ask();
      pulled.wake();
    },

    heartbeat() {
      // What fails is tried again by a later one.
      watches.checkNext(topics.current).catch(() => undefined);
    },

    rebalancing() {
      active.rebalancing();
    },

    batch(batch) {
      const { topic } = batch;
      const partition = places.of(topic, batch.partition);
      const records =
        until === null ? batch.records : batch.records.filter(({ timestamp }) => timestamp < until);
      const outcome = assignment.add({ ...batch, partition, records });
      if (outcome === 'truncated')
        log.warn(
          { topic, partition: batch.partition },
          "the topic's end is below our position: it was recreated or truncated; " +
            'reading from the start',
        );
      regulate(partition, parts);
      if (records.length === 0) commits.ask();
      pulled.wake();
    },

    skipped(topic, partition, next) {
      if (assignment.skipTo(places.of(topic, partition), next)) commits.ask();
    },
  };
}

async function confirmAlone(
  consumer: KafkaConsumer,
  { soleMember, active, pulled }: SourceParts,
): Promise<void> {
  const isCurrent = (): boolean => active.is(consumer);
  await soleMember?.confirm(consumer, isCurrent, pulled.closed).then(
    () => pulled.wake(),
    (error: UsageError) => pulled.fail(error),
  );
}

/** Drops what other members have worked on while this one was away. */
async function confirmKept(
  consumer: KafkaConsumer,
  { lag, assignment, active, commits, pulled }: SourceParts,
  { retryMs, clock }: Pick<Reporting, 'retryMs' | 'clock'>,
): Promise<void> {
  while (active.is(consumer) && !assignment.isConfirmed && !pulled.closed.aborted) {
    const offsets = await lag.offsets().catch(() => null);
    if (offsets !== null && active.is(consumer)) {
      for (const { partition, seekTo } of assignment.confirm(offsets)) {
        active.seek(partition, seekTo);
        regulate(partition, { assignment, active });
      }
      commits.ask();
    } else await rest(clock, retryMs, pulled.closed);
  }
}

/** Makes the consumer pause a partition with enough records held, and resume it later. */
export function regulate(
  partition: TopicPartition,
  { assignment, active }: Pick<SourceParts, 'assignment' | 'active'>,
): void {
  const change = assignment.regulate(partition);
  if (change !== null) active.setPaused(partition, change);
}
