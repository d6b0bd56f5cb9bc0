// Reads a Kafka topic as a member of a consumer group: every record that is fetched is delivered
// once per assignment, and commits never pass an unsettled record.
//
//   broker ──fetch──► KafkaAssignment (bounded; partitions pause) ──pull──► Delivery
//   broker ◄─commit── KafkaAssignment (head of each partition)   ◄─settle── Delivery
//
// In a rebalance a partition that stays keeps its ledger and its position, so that the records in
// hand are not fetched again. One that is lost is forgotten at once, and late settles of its
// records change nothing, because its new member reads the same records.
//
// A topic that was deleted and recreated is noticed by its id. Everything held is then dropped, and
// the new topic is read from its start.

import type { Consumer, Kafka } from 'kafkajs';
import type { UsageError } from '#core/errors/errors.ts';
import { createPulledSource, type PulledSource } from '#core/pipeline/pulled-source.ts';
import type { Clock, Delivery, EventSource } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';
import { openKafka, withAdmin } from '../../kafka/kafka-client.ts';
import { recordOfMessage } from '../../kafka/kafka-record.ts';
import type { KafkaConnection } from '../../kafka/kafka-settings.ts';
import { ensureTopic, type TopicPlan } from '../../kafka/kafka-topics.ts';
import { createTopicId } from '../../kafka/topic-id.ts';
import { ActiveConsumer } from './active-consumer.ts';
import { KafkaAssignment, type KafkaAssignmentOptions } from './kafka-assignment.ts';
import { createKafkaCommits, type KafkaCommits } from './kafka-commits.ts';
import { createKafkaLag, type KafkaLag } from './kafka-lag.ts';
import { type KafkaMemberHandlers, startKafkaMember } from './kafka-member.ts';
import { SoleMember } from './sole-member.ts';
import { createTopicWatch, type TopicWatch } from './topic-watch.ts';

export type KafkaSourceOptions = KafkaAssignmentOptions & {
  readonly connection: KafkaConnection;
  readonly topic: TopicPlan;
  readonly groupId: string;
  /**
   * Whether another member of the group is an error, because its share of the events would be
   * stored elsewhere.
   */
  readonly alone: boolean;
  readonly clock: Clock;
  /** See `KafkaCommitsOptions`. */
  readonly commitMs: number;
  readonly commitSettles: number;
  readonly retryMs: number;
  readonly sessionMs: number;
  /** See `SoleMemberOptions`. */
  readonly meetingMsMax: number;
};

export const kafkaSourceDefaults = {
  alone: false,
  batchMax: 1_000,
  batchBytesMax: 4 * 2 ** 20,
  unsettledMax: 20_000,
  fetchedBytesMax: 16 * 2 ** 20,
  commitMs: 200,
  commitSettles: 2_000,
  retryMs: 500,
  sessionMs: 10_000,
  meetingMsMax: 15_000,
} as const satisfies Partial<KafkaSourceOptions>;

/** The parts of a source that its member drives. */
type Parts = {
  readonly kafka: Kafka;
  readonly lag: KafkaLag;
  readonly assignment: KafkaAssignment;
  readonly active: ActiveConsumer;
  readonly soleMember: SoleMember | null;
  readonly commits: KafkaCommits;
  readonly watch: TopicWatch;
  readonly pulled: PulledSource;
};

/** Starts at once. While there is no broker, it waits for one. */
export function createKafkaSource(options: KafkaSourceOptions): EventSource {
  const { connection, groupId, clock, sessionMs } = options;
  const { topic } = options.topic;
  const { log } = connection;
  const kafka = openKafka(connection);
  const lag = createKafkaLag({ kafka, topic, groupId, clock });
  const assignment = new KafkaAssignment(options);
  const active = new ActiveConsumer(topic);
  const soleMember = options.alone ? new SoleMember(options) : null;
  const topicId = createTopicId({ kafka, topic, groupId });
  const watch = createTopicWatch({
    current: () => topicId.current(),
    async replaced() {
      log.warn({ topic }, 'the topic was deleted and recreated: reading it from the start');
      const partitions = assignment.partitions();
      for (const partition of partitions) assignment.drop(partition);
      await commits.start(partitions);
      active.ended();
      member.restart();
    },
  });
  const commits = createKafkaCommits({
    ...options,
    assignment,
    active,
    checkTopic: () => watch.check(),
    log,
  });

  const deliver = (): readonly Delivery[] => {
    const batch = soleMember?.isConfirmed === false ? null : assignment.take();
    if (batch === null) return [];
    const { partition, epoch, records, mayCommit } = batch;
    if (mayCommit) commits.ask();
    regulate(partition, { assignment, active });
    return records.map(({ offset, ...record }) => ({
      ...record,
      position: { topic, partition, offset },
      settle() {
        if (!assignment.settle(partition, epoch, offset)) return;
        commits.ask();
        pulled.wake();
      },
    }));
  };
  const pulled = createPulledSource({ fetch: () => undefined, deliver });

  const name = `group ${groupId} at ${connection.brokers.join(', ')}`;
  const member = startKafkaMember(
    { kafka, name, groupId, topics: [topic], sessionMs, clock, log },
    handlersOf({ kafka, lag, assignment, active, soleMember, commits, watch, pulled }, options),
  );

  return {
    kind: 'kafka',
    deliveries: (signal) => pulled.deliveries(signal),
    lag: () => lag.lag(active.isMember ? assignment.partitions() : null),
    unsettled: () => assignment.unsettled(),
    health: () => pulled.failure()?.message ?? member.health(),
    async [Symbol.asyncDispose]() {
      if (pulled.closed.aborted) return;
      pulled.close();
      await commits.stop();
      if (member.health() === null) await commits.last();
      for (const partition of assignment.partitions()) assignment.drop(partition);
      await Promise.all([
        member.stop(),
        lag[Symbol.asyncDispose](),
        topicId[Symbol.asyncDispose](),
      ]);
    },
  };
}

function handlersOf(
  parts: Parts,
  { topic: plan, groupId, retryMs, clock, connection: { log } }: KafkaSourceOptions,
): KafkaMemberHandlers {
  const { kafka, lag, assignment, active, soleMember, commits, watch, pulled } = parts;
  const { topic } = plan;

  const confirmAlone = async (consumer: Consumer): Promise<void> => {
    const isCurrent = (): boolean => active.is(consumer);
    await soleMember?.confirm(consumer, isCurrent, pulled.closed).then(
      () => pulled.wake(),
      (error: UsageError) => pulled.fail(error),
    );
  };

  /** Drops what other members have worked on while this one was away. */
  const confirmKept = async (consumer: Consumer): Promise<void> => {
    while (active.is(consumer) && !assignment.isConfirmed && !pulled.closed.aborted) {
      const offsets = await lag.offsets().catch(() => null);
      if (offsets !== null && active.is(consumer)) {
        for (const { partition, seekTo } of assignment.confirm(offsets)) {
          active.seek(partition, seekTo);
          regulate(partition, parts);
        }
        commits.ask();
      } else await rest(clock, retryMs, pulled.closed);
    }
  };

  return {
    async prepare() {
      active.ended();
      await withAdmin(kafka, (admin) => ensureTopic(admin, plan));
      await watch.check();
      assignment.restart();
    },

    joined(consumer, partitionsOf, member) {
      const partitions = partitionsOf(topic);
      active.joined(consumer, assignment.join(member, partitions));
      log.info({ group: groupId, member, partitions }, 'partitions assigned');
      void confirmAlone(consumer);
      void confirmKept(consumer);
      commits.ask();
      pulled.wake();
    },

    heartbeat() {
      // What fails is tried again by the next one.
      watch.check().catch(() => undefined);
    },

    rebalancing() {
      active.rebalancing();
    },

    batch(payload) {
      active.received(payload);
      const { batch } = payload;
      const { partition } = batch;
      const outcome = assignment.add({
        partition,
        records: batch.messages.map(recordOfMessage),
        next: Number(batch.lastOffset()) + 1,
        end: Number(batch.highWatermark),
      });
      if (outcome === 'truncated')
        log.warn(
          { topic, partition },
          "the topic's end is below our position: it was recreated or truncated; " +
            'reading from the start',
        );
      regulate(partition, parts);
      pulled.wake();
    },

    skipped(_topic, partition, next) {
      if (assignment.skipTo(partition, next)) commits.ask();
    },
  };
}

/** Makes the consumer pause a partition with enough records held, and resume it later. */
function regulate(
  partition: number,
  { assignment, active }: Pick<Parts, 'assignment' | 'active'>,
): void {
  const change = assignment.regulate(partition);
  if (change !== null) active.setPaused(partition, change);
}
