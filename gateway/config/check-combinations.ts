// Refuses settings that are valid one by one and do not fit together.

import { UsageError } from '#core/errors/errors.ts';
import type { Config } from './config.ts';
import { deadLetterTopicOf } from './dead-letter-topic.ts';
import { isLoopback } from './network.ts';
import { refuseWeakSecrets } from './refuse-weak-secrets.ts';
import { show } from './setting-messages.ts';
import { keepMistake, SettingsError, type Mistake } from './settings-mistakes.ts';
import { topicRules } from './topic-rules.ts';

const checks: readonly ((config: Config) => void)[] = [
  checkCredentials,
  checkRunnerTokens,
  checkCertificate,
  checkKafka,
  checkSink,
  checkQdrant,
  checkSchemaRegistry,
  checkDelays,
];

/** @throws SettingsError for the combinations that cannot work. */
export function checkCombinations(config: Config): void {
  const mistakes: Mistake[] = [];
  for (const check of checks) keepMistake(mistakes, null, () => check(config));
  if (mistakes.length > 0) throw new SettingsError(mistakes);
}

/**
 * Checks the credentials. Without keys, everybody who can reach the port can read and write
 * everything: on a network, the gateway needs an API key and a runner token that nobody can guess.
 */
function checkCredentials(config: Config): void {
  const { gateway, runners } = config;
  if (isLoopback(gateway.host)) return;
  const hasKey =
    gateway.apiKey !== null || gateway.apiKeys.length > 0 || gateway.apiKeysFile !== null;
  const missing = [
    ...(hasKey ? [] : ['VECTORSTREAM_API_KEY']),
    ...(runners.token === null ? ['VECTORSTREAM_RUNNER_TOKEN'] : []),
  ];
  if (missing.length > 0)
    throw new UsageError(
      `gateway.host is ${show(gateway.host)}, which other machines can reach: ` +
        `set ${missing.join(' and ')}, or listen on 127.0.0.1.`,
    );
  refuseWeakSecrets(config);
}

/** Whoever holds the shared token must not be trusted by it. */
function checkRunnerTokens({ runners: { token, trustedToken } }: Config): void {
  if (trustedToken !== null && trustedToken === token)
    throw new UsageError(
      'VECTORSTREAM_TRUSTED_RUNNER_TOKEN and VECTORSTREAM_RUNNER_TOKEN are the same: trusted ' +
        'runners need a token of their own.',
    );
}

function checkCertificate({ gateway: { tlsCert, tlsKey } }: Config): void {
  if ((tlsCert === null) === (tlsKey === null)) return;
  const [set, missing] =
    tlsCert === null
      ? ['VECTORSTREAM_TLS_KEY', 'VECTORSTREAM_TLS_CERT']
      : ['VECTORSTREAM_TLS_CERT', 'VECTORSTREAM_TLS_KEY'];
  throw new UsageError(`${set} is set without ${missing}: HTTPS needs both.`);
}

function checkKafka({ ingest, kafka }: Config): void {
  const { brokers, saslMechanism, saslUsername, saslPassword } = kafka;
  if (ingest.source === 'kafka' && brokers === null)
    throw new UsageError(
      'ingest.source is kafka, but its address is missing: ' +
        'set KAFKA_BROKERS, such as 127.0.0.1:9092.',
    );
  const isComplete = saslUsername !== null && saslPassword !== null;
  if (saslMechanism !== 'none' && !isComplete)
    throw new UsageError(
      `kafka.saslMechanism is ${saslMechanism}, ` +
        'which needs both KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD.',
    );
  if (saslMechanism === 'none' && (saslUsername !== null || saslPassword !== null)) {
    throw new UsageError(
      'A user name or password for Kafka is set without a mechanism: ' +
        'set KAFKA_SASL_MECHANISM to plain, scram-sha-256 or scram-sha-512.',
    );
  }
  const dlqTopic = deadLetterTopicOf(kafka);
  for (const { topics: named } of topicRules(kafka.topics))
    if (named === dlqTopic || named === `${dlqTopic}.state`)
      throw new UsageError(
        `kafka.topics has ${show(named)}, which has the dead letters: read other topics.`,
      );
}

/** What the gateway reads must not be what it writes. */
function checkSink({ sink: { topic }, kafka }: Config): void {
  if (topic === null) return;
  if (kafka.brokers === null)
    throw new UsageError(
      `sink.topic is ${show(topic)}, but the address of Kafka is missing: ` +
        'set KAFKA_BROKERS, such as 127.0.0.1:9092.',
    );
  const dlqTopic = deadLetterTopicOf(kafka);
  const read = [kafka.topic, ...topicRules(kafka.topics).map((rule) => rule.topics)];
  if ([...read, dlqTopic, `${dlqTopic}.state`].includes(topic))
    throw new UsageError(
      `sink.topic is ${show(topic)}, which has the events or the dead letters: ` +
        'what is stored needs a topic of its own.',
    );
}

function checkQdrant({ store, qdrant }: Config): void {
  if (store.kind === 'qdrant' && qdrant.url === null)
    throw new UsageError(
      'store.kind is qdrant, but its address is missing: ' +
        'set QDRANT_URL, such as http://127.0.0.1:6333.',
    );
  const names = ['collection', 'eventsCollection', 'productsCollection'] as const;
  for (const [index, name] of names.entries())
    for (const other of names.slice(index + 1))
      if (qdrant[name] === qdrant[other])
        throw new UsageError(
          `qdrant.${name} and qdrant.${other} are both ${show(qdrant[name])}: ` +
            'texts, events and products need a collection each.',
        );
}

function checkSchemaRegistry({ schemaRegistry: { url, username, password } }: Config): void {
  if ((username === null) !== (password === null))
    throw new UsageError(
      'A login for the Schema Registry needs both SCHEMA_REGISTRY_USERNAME and ' +
        'SCHEMA_REGISTRY_PASSWORD.',
    );
  if (url === null && username !== null)
    throw new UsageError(
      'A login for the Schema Registry is set, but its address is missing: set ' +
        'SCHEMA_REGISTRY_URL, such as http://127.0.0.1:8081.',
    );
}

function checkDelays({ retries }: Config): void {
  for (const [first, longest] of [
    ['delayMs', 'delayMsMax'],
    ['circuitDelayMs', 'circuitDelayMsMax'],
  ] as const) {
    if (retries[first] > retries[longest])
      throw new UsageError(
        `retries.${first} is ${retries[first]} and retries.${longest} is ${retries[longest]}: ` +
          `${longest} cannot be less than ${first}.`,
      );
  }
}
