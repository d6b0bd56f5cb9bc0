// Opens the one client library behind every use of Kafka: its security, patience and logging are
// set here and nowhere else.

import kafkajs from 'kafkajs';
import type { Kafka, KafkaConfig, LogEntry } from 'kafkajs';
import { registerCodecs } from './codecs.ts';
import type { KafkaConnection, KafkaLog, Sasl } from './kafka-settings.ts';

/** Every wait of the client ends soon: what calls it knows better whether to go on. */
export const patience = {
  initialRetryTime: 100,
  maxRetryTime: 1_000,
  factor: 0.2,
  multiplier: 2,
  retries: 5,
} as const;
const connectMsMax = 3_000;
const answerMsMax = 10_000;

export function openKafka({
  brokers,
  ssl,
  sasl,
  clientId,
  log,
  openSocket,
}: KafkaConnection): Kafka {
  registerCodecs();
  return new kafkajs.Kafka({
    brokers: [...brokers],
    clientId,
    ssl,
    connectionTimeout: connectMsMax,
    requestTimeout: answerMsMax,
    retry: patience,
    logLevel: kafkajs.logLevel.INFO,
    logCreator: () => (entry) => passOn(log, entry),
    ...(sasl !== null && { sasl: saslOf(sasl) }),
    ...(openSocket !== null && { socketFactory: openSocket }),
  });
}

function saslOf({ mechanism, username, password }: Sasl): NonNullable<KafkaConfig['sasl']> {
  return mechanism === 'plain'
    ? { mechanism, username, password }
    : mechanism === 'scram-sha-256'
      ? { mechanism, username, password }
      : { mechanism, username, password };
}

/** Records are skipped or a configuration is wrong: nobody else says so. */
const worthSaying = /offset out of range|not subscribed|unsubscribed/i;

/**
 * The client calls every closed connection an error, and every pause news. Whoever uses it reports
 * trouble once, so most of its words are for the one who searches a fault. Only named members are
 * passed on.
 */
function passOn(
  log: KafkaLog,
  {
    level,
    namespace,
    log: { message, broker, error, groupId, topic, partition, retryCount },
  }: LogEntry,
): void {
  const fields = {
    kafka: namespace,
    broker,
    group: groupId,
    topic,
    partition,
    retry: retryCount,
    error: error instanceof Error ? error.message : error,
  };
  if (worthSaying.test(message)) log.warn(fields, message);
  else if (level <= kafkajs.logLevel.WARN) log.debug(fields, message);
  else log.trace(fields, message);
}
