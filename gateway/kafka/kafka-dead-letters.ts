// Keeps dead letters in a Kafka topic, which is the source of truth, and their states in a second,
// compacted topic.
//
// Every gateway follows both topics from their beginning and lists from what it has read, so that
// each one sees the dead letters of all. `put` resolves when the broker has acknowledged a dead
// letter. A later list waits until it was read back.

import { DependencyError } from '#core/errors/errors.ts';
import type { Clock, DeadLetter, DeadLetters, Position } from '#core/ports.ts';
import { openKafkaClient } from '../../kafka/kafka-client.ts';
import { isTooLarge } from '../../kafka/kafka-errors.ts';
import type { Compression, KafkaConnection } from '../../kafka/kafka-settings.ts';
import { createKafkaSink, sinkDefaults } from '../../kafka/kafka-sink.ts';
import type { TopicPlan } from '../../kafka/kafka-topics.ts';
import { type DeadLetterFollower, followDeadLetters } from './dead-letter-follower.ts';
import { createDeadLetterIndex } from './dead-letter-index.ts';
import { recordOfDeadLetter } from './dead-letter-record.ts';
import { recordOfErasure, recordOfStatus } from './dead-letter-status-record.ts';

export type KafkaDeadLettersOptions = {
  readonly connection: KafkaConnection;
  /** The topic of the dead letters; their states are in `<topic>.state`. */
  readonly topic: string;
  readonly partitions: number;
  readonly mayCreate: boolean;
  readonly compression: Compression;
  /** The topics are read under a consumer group whose name begins with this. */
  readonly groupId: string;
  readonly sessionMs: number;
  readonly clock: Clock;
};

/** How long a query waits for the index to be up to date. */
const waitMsMax = 5_000;
/**
 * More than an event topic accepts by default, so that a dead letter fits with its additional
 * headers.
 */
const deadLetterBytesMax = 2 * 1024 * 1024;
/** The size to which a value is cut when its topic refuses the dead letter as too large. */
const cutBytes = 512 * 1024;

export function createKafkaDeadLetters(options: KafkaDeadLettersOptions): DeadLetters {
  const { connection, compression, clock } = options;
  const [deadLetterTopic, stateTopic] = topicsOf(options);
  const sinkOf = (topic: TopicPlan) => ({ ...sinkDefaults, connection, topic });
  const deadLetterSink = createKafkaSink({ ...sinkOf(deadLetterTopic), compression });
  const stateSink = createKafkaSink(sinkOf(stateTopic));
  const index = createDeadLetterIndex();
  const { progress, member } = followDeadLetters({
    ...options,
    client: openKafkaClient(connection),
    deadLetterTopic,
    stateTopic,
    log: connection.log,
    index,
  });
  let isClosed = false;

  const requireRead = (positions: readonly Position[]): void => {
    for (const { topic, partition, offset } of positions)
      progress.require(topic, partition, offset + 1);
  };

  const append = async (deadLetters: readonly DeadLetter[]): Promise<void> => {
    try {
      const records = deadLetters.map((deadLetter) => recordOfDeadLetter(deadLetter));
      requireRead(await deadLetterSink.append(records));
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      const [first, ...others] = deadLetters;
      // One by one, to find those that are too large. A value that is too large even alone is cut,
      // because there is no other place for it.
      if (others.length > 0) for (const deadLetter of deadLetters) await append([deadLetter]);
      else if (first !== undefined)
        requireRead(await deadLetterSink.append([recordOfDeadLetter(first, cutBytes)]));
    }
  };

  const whenUpToDate = async <T>(answer: () => T | Promise<T>): Promise<T> => {
    if (await progress.upToDate(waitMsMax)) return answer();
    throw behind(deadLetterTopic.topic, member);
  };

  return {
    kind: 'kafka',
    async put(deadLetters) {
      const fresh = deadLetters.filter((deadLetter) => !index.has(deadLetter));
      // The first of several with one id stays.
      const byId = new Map(fresh.toReversed().map((deadLetter) => [deadLetter.id, deadLetter]));
      await append([...byId.values()].toReversed());
    },
    async erase(ids) {
      const now = clock.now();
      if (ids.length > 0)
        requireRead(await stateSink.append(ids.map((id) => recordOfErasure(id, now))));
    },
    async setStatus(changes) {
      const now = clock.now();
      requireRead(await stateSink.append(changes.map((change) => recordOfStatus(change, now))));
    },
    list: (query) => whenUpToDate(() => index.list(query)),
    get: (id) => whenUpToDate(() => index.get(id)),
    async stats() {
      // Dashboards ask every few seconds: the counts known so far are better than an error, and
      // without a broker better than a long wait.
      await progress.upToDate(member.isFailing() ? 0 : waitMsMax);
      if (!progress.isStarted) throw behind(deadLetterTopic.topic, member);
      return index.stats();
    },
    async [Symbol.asyncDispose]() {
      if (isClosed) return;
      isClosed = true;
      await Promise.all([
        member.stop(),
        deadLetterSink[Symbol.asyncDispose](),
        stateSink[Symbol.asyncDispose](),
      ]);
      index[Symbol.dispose]();
    },
  };
}

function topicsOf({
  topic,
  partitions,
  mayCreate,
}: KafkaDeadLettersOptions): readonly [TopicPlan, TopicPlan] {
  return [
    {
      topic,
      partitions,
      mayCreate,
      config: { 'max.message.bytes': String(deadLetterBytesMax), 'retention.ms': '-1' },
    },
    {
      topic: `${topic}.state`,
      partitions: 1,
      mayCreate,
      config: { 'cleanup.policy': 'compact' },
    },
  ];
}

const behind = (topic: string, member: DeadLetterFollower['member']): DependencyError =>
  new DependencyError(
    'kafka',
    'kafka_dead_letters_behind',
    member.health() ?? `The dead letters in ${topic} are still being read; try again in a moment.`,
    { retryable: true },
  );
