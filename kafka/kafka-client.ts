// Opens the one client library behind every use of Kafka: its security, retries, timeouts and
// logging are configured here and nowhere else.

import kafkajs from 'kafkajs';
import type { Admin, Kafka, KafkaConfig, LogEntry } from 'kafkajs';
import { registerCodecs } from './codecs.ts';
import type { KafkaConnection, KafkaLog, Sasl } from './kafka-settings.ts';
import { installRecordEncoder } from './record-encoder.ts';

/**
 * How the client retries by itself. Its retries end soon, because the caller knows better whether
 * to go on. Times in ms.
 */
export const clientRetry = {
  initialRetryTime: 100,
  maxRetryTime: 1_000,
  factor: 0.2,
  multiplier: 2,
  retries: 5,
} as const;
const connectMsMax = 3_000;
const requestMsMax = 10_000;

export function openKafka({
  brokers,
  ssl,
  sasl,
  clientId,
  log,
  openSocket,
}: KafkaConnection): Kafka {
  registerCodecs();
  installRecordEncoder();
  return new kafkajs.Kafka({
    brokers: [...brokers],
    clientId,
    ssl,
    connectionTimeout: connectMsMax,
    requestTimeout: requestMsMax,
    retry: clientRetry,
    logLevel: kafkajs.logLevel.INFO,
    logCreator: () => (entry) => writeLog(log, entry),
    ...(sasl !== null && { sasl: saslOf(sasl) }),
    ...(openSocket !== null && { socketFactory: openSocket }),
  });
}

/** Connects an admin client for one piece of work, and disconnects it afterwards. */
export async function withAdmin<T>(kafka: Kafka, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin({ retry: clientRetry });
  try {
    await admin.connect();
    return await work(admin);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

function saslOf({ mechanism, username, password }: Sasl): NonNullable<KafkaConfig['sasl']> {
  return mechanism === 'plain'
    ? { mechanism, username, password }
    : mechanism === 'scram-sha-256'
      ? { mechanism, username, password }
      : { mechanism, username, password };
}

/** Lines that report skipped records or a wrong configuration. Only the client knows of these. */
const isWarning = /offset out of range|not subscribed|unsubscribed/i;

/**
 * The client logs every closed connection as an error, and every pause as information. The code
 * that uses it reports each failure once, so most of its lines are for debugging. Only the fields
 * named here are logged.
 */
function writeLog(
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
  if (isWarning.test(message)) log.warn(fields, message);
  else if (level <= kafkajs.logLevel.WARN) log.debug(fields, message);
  else log.trace(fields, message);
}
