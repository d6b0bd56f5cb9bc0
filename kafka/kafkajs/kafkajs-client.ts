// Opens kafkajs: its security, retries, timeouts and logging are configured here and nowhere else.

import kafkajs from 'kafkajs';
import type { Kafka, KafkaConfig, LogEntry } from 'kafkajs';
import { clientRetry, connectMsMax, requestMsMax } from '../client-limits.ts';
import type { KafkaClient } from '../kafka-port.ts';
import type { KafkaConnection, KafkaLog, Sasl } from '../kafka-settings.ts';
import { registerCodecs } from './codecs.ts';
import { connectKafkajsAdmin } from './kafkajs-admin.ts';
import { runKafkajsConsumer } from './kafkajs-consumer.ts';
import { connectKafkajsTopicIds } from './kafkajs-topic-ids.ts';
import { connectKafkajsWriter } from './kafkajs-writer.ts';
import { installRecordEncoder } from './record-encoder.ts';

export function openKafkajsClient(connection: KafkaConnection): KafkaClient {
  const kafka = openKafkajs(connection);
  return {
    connectAdmin: (retries) => connectKafkajsAdmin(kafka, retries),
    connectWriter: (options) => connectKafkajsWriter(kafka, options),
    connectTopicIds: (groupId) => connectKafkajsTopicIds(kafka, groupId),
    runConsumer: (run, handlers) => runKafkajsConsumer(kafka, run, handlers),
  };
}

export function openKafkajs({ brokers, ssl, sasl, clientId, log }: KafkaConnection): Kafka {
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
  });
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
