// The settings in the section `kafka`: the cluster, its topics and the login.

import { compressions, saslMechanisms } from '../../../kafka/kafka-settings.ts';
import { brokerList, integer, oneOf, secret, text, topicName, yesOrNo } from '../setting-types.ts';

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
    help: 'Topic of the events.',
  }),
  groupId: text({
    default: 'vectorstream',
    env: 'KAFKA_GROUP_ID',
    flag: 'kafka-group-id',
    help:
      'Consumer group, whose gateways share the partitions. ' +
      'With the embedded store, the group can have only one member.',
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
