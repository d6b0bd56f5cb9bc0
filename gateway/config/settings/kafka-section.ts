// The settings in the section `kafka`: the cluster, its topics and the login.

import { compressions, saslMechanisms } from '../../../kafka/kafka-settings.ts';
import {
  brokerList,
  integer,
  type Key,
  list,
  oneOf,
  path,
  secret,
  text,
  topicName,
  yesOrNo,
} from '../setting-types.ts';
import { startOf, topicRule } from '../topic-rules.ts';

export const kafkaSection = {
  brokers: brokerList({
    env: 'KAFKA_BROKERS',
    flag: 'kafka-brokers',
    help: 'Brokers for the first connection; the cluster names the others.',
  }),
  topic: topicName({
    default: 'ecommerce-events',
    env: 'KAFKA_TOPIC',
    flag: 'kafka-topic',
    help: 'Topic of the events; POST /events writes to it.',
  }),
  topics: list({
    env: 'KAFKA_TOPICS',
    flag: 'kafka-topics',
    help:
      'More topics to read: names, or regular expressions that begin with ^ and match whole ' +
      'names, as in ^shop[.].+; new topics that match are found while the gateway runs. A ' +
      'mapping for what a topic holds may follow, as in shop.orders=shopify-orders: the name of ' +
      'a ready-made one, or the path of a YAML file (docs/kafka.md).',
    allowed: 'topics or patterns, each with =MAPPING or without',
    item: (rule) => (rule.length <= 4096 && topicRule(rule) !== null ? rule : null),
  }),
  from: startFrom({
    default: 'earliest',
    env: 'KAFKA_FROM',
    flag: 'kafka-from',
    help:
      'Where to begin in a partition that the consumer group has not committed: at its first ' +
      'record, at its end when the gateway starts, or at the first record since a time. ' +
      'Afterwards, the commits of the group count.',
  }),
  groupId: text({
    default: 'vectorstream',
    env: 'KAFKA_GROUP_ID',
    flag: 'kafka-group-id',
    help:
      'Consumer group, whose gateways share the partitions. ' +
      'With the embedded store, the group can have only one member.',
  }),
  until: endTime({
    env: 'KAFKA_UNTIL',
    flag: 'kafka-until',
    help:
      'Records that Kafka has dated since then are passed over and committed, as npm run reindex ' +
      'does with --to. If it is not set, everything is read.',
  }),
  dlqTopic: topicName({
    default: null,
    env: 'KAFKA_DLQ_TOPIC',
    flag: 'kafka-dlq-topic',
    help:
      'Topic of the dead letters; their states are in a second topic, with .state appended to ' +
      'the ' +
      'name. If it is not set, the name is that of the event topic with .dlq appended.',
  }),
  createTopics: yesOrNo({ default: true, help: 'Whether to create missing topics.' }),
  partitions: integer({
    default: 12,
    min: 1,
    max: 10_000,
    help: 'Number of partitions of the topics that are created.',
  }),
  compression: oneOf(compressions, {
    default: 'none',
    help:
      'Compression of the events that POST /events writes, and of dead letters. ' +
      'The gateway reads all of these formats.',
  }),
  ssl: yesOrNo({
    default: false,
    env: 'KAFKA_SSL',
    help:
      'Whether to connect with TLS. ' +
      'The authorities of the system and of NODE_EXTRA_CA_CERTS are trusted.',
  }),
  saslMechanism: oneOf(['none', ...saslMechanisms], {
    default: 'none',
    env: 'KAFKA_SASL_MECHANISM',
    help: 'How to log in.',
  }),
  saslUsername: secret({ env: 'KAFKA_SASL_USERNAME', help: 'User name for the login.' }),
  saslPassword: secret({ env: 'KAFKA_SASL_PASSWORD', help: 'Password for the login.' }),
} as const;

/** A time in ISO 8601; `null` when it is not set. */
function endTime(options: Omit<Parameters<typeof path>[0], 'default'>): Key<string | null> {
  return {
    ...path(options),
    allowed: 'a time such as 2026-01-31 or 2026-01-31T12:00:00Z',
    check(raw) {
      if (raw === null) return { ok: true, value: null };
      return typeof raw === 'string' && typeof startOf(raw) === 'number'
        ? { ok: true, value: raw }
        : { ok: false };
    },
  };
}

/** `earliest`, `latest`, or a time in ISO 8601. */
function startFrom(options: Parameters<typeof text>[0]): Key<string> {
  return {
    ...text(options),
    allowed: 'earliest, latest, or a time such as 2026-01-31 or 2026-01-31T12:00:00Z',
    check: (raw) =>
      typeof raw === 'string' && startOf(raw) !== null ? { ok: true, value: raw } : { ok: false },
  };
}
