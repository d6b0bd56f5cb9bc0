// Reads topics of Kafka as a member of a consumer group: every record that is fetched is delivered
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
// the new topic is read from its start. A new topic that matches a pattern is noticed soon, and the
// member then joins again for it.

import { createPulledSource } from '#core/pipeline/pulled-source.ts';
import type { Clock, Delivery, EventSource } from '#core/ports.ts';
import { openKafkaClient } from '../../kafka/kafka-client.ts';
import type { KafkaConnection } from '../../kafka/kafka-settings.ts';
import { createTopicIds } from '../../kafka/topic-ids.ts';
import { ActiveConsumer } from './active-consumer.ts';
import { ChosenTopics, type TopicChoice } from './chosen-topics.ts';
import { GroupStart, type StartFrom } from './group-start.ts';
import { KafkaAssignment, type KafkaAssignmentOptions } from './kafka-assignment.ts';
import { createKafkaCommits } from './kafka-commits.ts';
import { createKafkaLag } from './kafka-lag.ts';
import { startKafkaMember } from './kafka-member.ts';
import { memberHandlers, regulate } from './member-handlers.ts';
import { SoleMember } from './sole-member.ts';
import { type TopicPartition, TopicPartitions } from './topic-partitions.ts';
import { createTopicWatches } from './topic-watch.ts';

export type KafkaSourceOptions = KafkaAssignmentOptions & {
  readonly connection: KafkaConnection;
  readonly topics: TopicChoice;
  readonly groupId: string;
  /** Where the group begins in a partition that it has no commit for. */
  readonly from: StartFrom;
  /** Records that Kafka has dated since then (UTC ms) are passed over; `null`: none are. */
  readonly until: number | null;
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
  /** How often to look for new topics that match a pattern. */
  readonly newTopicsMs: number;
  readonly sessionMs: number;
  /** See `SoleMemberOptions`. */
  readonly meetingMsMax: number;
};

export const kafkaSourceDefaults = {
  from: 'earliest',
  until: null,
  alone: false,
  batchMax: 1_000,
  batchBytesMax: 4 * 2 ** 20,
  unsettledMax: 20_000,
  fetchedBytesMax: 16 * 2 ** 20,
  commitMs: 200,
  commitSettles: 2_000,
  retryMs: 500,
  newTopicsMs: 30_000,
  sessionMs: 10_000,
  meetingMsMax: 15_000,
} as const satisfies Partial<KafkaSourceOptions>;

/** Starts at once. While there is no broker, it waits for one. */
export function createKafkaSource(options: KafkaSourceOptions): EventSource {
  const { connection, groupId, clock, sessionMs } = options;
  const { log } = connection;
  const ofGroup = partsOfGroup(options);
  const { client, lag, topics, assignment, active, soleMember } = ofGroup;
  const topicIds = createTopicIds(client, groupId);
  const watches = createTopicWatches({
    current: (topic) => topicIds.current(topic),
    async replaced(topic) {
      log.warn({ topic }, 'the topic was deleted and recreated: reading it from the start');
      const partitions = assignment.partitions().filter((each) => each.topic === topic);
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
    checkTopic: (topic) => watches.check(topic),
    log,
  });

  const deliver = (): readonly Delivery[] => {
    const batch = soleMember?.isConfirmed === false ? null : assignment.take();
    if (batch === null) return [];
    const { partition: place, epoch, records, mayCommit } = batch;
    const { topic, partition } = place;
    if (mayCommit) commits.ask();
    regulate(place, { assignment, active });
    return records.map(({ offset, ...record }) => ({
      ...record,
      position: { topic, partition, offset },
      settle() {
        if (!assignment.settle(place, epoch, offset)) return;
        commits.ask();
        pulled.wake();
      },
    }));
  };
  const pulled = createPulledSource({ fetch: () => undefined, deliver });

  const name = `group ${groupId} at ${connection.brokers.join(', ')}`;
  const member = startKafkaMember(
    { client, name, groupId, sessionMs, clock, log },
    memberHandlers({ ...ofGroup, commits, watches, pulled }, { ...options, log }),
  );
  const found = (): void => {
    log.info({ group: groupId }, 'the topics that are read have changed: joining again');
    member.restart();
  };
  const looking = topics.keepLooking({ ...options, client, signal: pulled.closed }, found);

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
        looking,
        lag[Symbol.asyncDispose](),
        topicIds[Symbol.asyncDispose](),
      ]);
    },
  };
}

/** What needs no other part to be made. */
function partsOfGroup(options: KafkaSourceOptions) {
  const client = openKafkaClient(options.connection);
  const topics = new ChosenTopics(options.topics);
  const places = new TopicPartitions();
  const start = new GroupStart(options.from);
  return {
    client,
    topics,
    places,
    start,
    lag: createKafkaLag({ ...options, client, topics: () => topics.current, places, start }),
    assignment: new KafkaAssignment<TopicPartition>(options),
    active: new ActiveConsumer(),
    soleMember: options.alone ? new SoleMember(options) : null,
  };
}
