// Opens the parts of a gateway that use Kafka: the source of events, the sink for new events, the
// dead letters, and the sink for what is stored.

import { assert } from '#core/errors/assert.ts';
import type { Clock, DeadLetters, EventSink, EventSource } from '#core/ports.ts';
import type { KafkaConnection } from '../../kafka/kafka-settings.ts';
import { createKafkaSink, sinkDefaults } from '../../kafka/kafka-sink.ts';
import type { Config } from '../config/config.ts';
import { deadLetterTopicOf } from '../config/dead-letter-topic.ts';
import { startOf, topicRules } from '../config/topic-rules.ts';
import type { Log } from '../telemetry/gateway-log.ts';
import type { TopicChoice } from './chosen-topics.ts';
import { createKafkaDeadLetters } from './kafka-dead-letters.ts';
import { createKafkaSource, kafkaSourceDefaults } from './kafka-source.ts';

export type KafkaParts = AsyncDisposable & {
  readonly source: EventSource;
  readonly sink: EventSink;
  readonly deadLetters: DeadLetters;
};

/**
 * Starts at once. While there is no broker, it waits for one.
 *
 * @param options `alone`: see `KafkaSourceOptions`; `written`: see `TopicChoice`
 */
export function openKafkaParts(
  config: Config['kafka'],
  {
    alone,
    written,
    clock,
    log,
  }: {
    readonly alone: boolean;
    readonly written: readonly string[];
    readonly clock: Clock;
    readonly log: Log;
  },
): KafkaParts {
  const { topic, groupId, partitions, createTopics: mayCreate, compression } = config;
  const connection = kafkaConnectionOf(config, log);
  const deadLetterTopic = deadLetterTopicOf(config);
  const from = startOf(config.from);
  const until = config.until === null ? null : startOf(config.until);
  assert(from !== null && (until === null || typeof until === 'number'), 'Kafka: no such time');
  const source = createKafkaSource({
    ...kafkaSourceDefaults,
    connection,
    topics: topicChoiceOf(config, [deadLetterTopic, `${deadLetterTopic}.state`, ...written]),
    groupId,
    from,
    until,
    alone,
    clock,
  });
  const sink = openKafkaSink(topic, config, log);
  const deadLetters = createKafkaDeadLetters({
    connection,
    topic: deadLetterTopic,
    partitions,
    mayCreate,
    compression,
    groupId,
    sessionMs: kafkaSourceDefaults.sessionMs,
    clock,
  });
  return {
    source,
    sink,
    deadLetters,
    async [Symbol.asyncDispose]() {
      await Promise.all([
        source[Symbol.asyncDispose](),
        sink[Symbol.asyncDispose](),
        deadLetters[Symbol.asyncDispose](),
      ]);
    },
  };
}

function topicChoiceOf(
  { topic, topics, partitions, createTopics: mayCreate }: Config['kafka'],
  written: readonly string[],
): TopicChoice {
  const chosen = topicRules(topics).map((rule) => rule.topics);
  const names = new Set([topic, ...chosen.filter((each) => typeof each === 'string')]);
  return {
    named: [...names].map((name) => ({ topic: name, partitions, mayCreate, config: {} })),
    patterns: chosen.filter((each) => typeof each !== 'string'),
    written,
  };
}

/** Connects with the first record. */
export function openKafkaSink(topic: string, config: Config['kafka'], log: Log): EventSink {
  const { partitions, createTopics: mayCreate, compression } = config;
  const connection = kafkaConnectionOf(config, log);
  const plan = { topic, partitions, mayCreate, config: {} };
  return createKafkaSink({ ...sinkDefaults, connection, topic: plan, compression });
}

export function kafkaConnectionOf(
  { brokers, ssl, saslMechanism, saslUsername, saslPassword }: Config['kafka'],
  log: Log,
): KafkaConnection {
  assert(brokers !== null, 'Kafka is used although no brokers are set');
  const sasl =
    saslMechanism === 'none' || saslUsername === null || saslPassword === null
      ? null
      : { mechanism: saslMechanism, username: saslUsername, password: saslPassword };
  return { brokers, ssl, sasl, clientId: 'vectorstream', log };
}
