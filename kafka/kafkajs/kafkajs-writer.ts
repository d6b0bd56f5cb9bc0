// Writes records to one topic through kafkajs.

import kafkajs from 'kafkajs';
import type { ICustomPartitioner, Kafka, Message } from 'kafkajs';
import { assert } from '#core/errors/assert.ts';
import type { LogRecord } from '#core/ports.ts';
import { clientRetry } from '../client-limits.ts';
import type { KafkaWriter, WriterOptions } from '../kafka-port.ts';
import { bufferOf } from '../record-buffers.ts';
import { compressionTypes } from './codecs.ts';

const acksNumbers = { all: -1, '1': 1, '0': 0 } as const;

export async function connectKafkajsWriter(
  kafka: Kafka,
  { topic, acks, compression, isIdempotent }: WriterOptions,
): Promise<KafkaWriter> {
  /** The partition of every message, kept for retries: positions are derived from it. */
  const partitions = new WeakMap<Message, number>();
  /** Of messages whose partition another key than their own chooses. */
  const partitionKeys = new WeakMap<Message, Buffer>();

  /** Chooses as the Java client does, once per message. */
  const createPartitioner: ICustomPartitioner = () => {
    const choose = kafkajs.Partitioners.DefaultPartitioner();
    return (args) => {
      const { message } = args;
      const key = partitionKeys.get(message);
      const partition =
        partitions.get(message) ??
        choose(key === undefined ? args : { ...args, message: { ...message, key } });
      partitions.set(message, partition);
      return partition;
    };
  };

  const producer = kafka.producer({
    createPartitioner,
    allowAutoTopicCreation: false,
    idempotent: isIdempotent,
    retry: clientRetry,
  });
  try {
    await producer.connect();
  } catch (error) {
    void producer.disconnect().catch(() => undefined);
    throw error;
  }

  return {
    async write(records) {
      const messages = records.map((record) => {
        const message = messageOf(record);
        const { partitionKey } = record;
        if (partitionKey !== undefined) partitionKeys.set(message, bufferOf(partitionKey));
        return message;
      });
      const answers = await producer.send({
        topic,
        messages,
        acks: acksNumbers[acks],
        compression: compressionTypes[compression],
      });
      return {
        partitions: messages.map((message) => {
          const partition = partitions.get(message);
          assert(partition !== undefined, 'A message was sent without a partition');
          return partition;
        }),
        baseOffsets: new Map(
          answers.map(({ partition, baseOffset }) => [partition, Number(baseOffset)]),
        ),
      };
    },
    [Symbol.asyncDispose]: () => producer.disconnect(),
  };
}

function messageOf({ key, value, headers, timestamp, isTombstone }: LogRecord): Message {
  return {
    key: key && bufferOf(key),
    value: isTombstone === true ? null : bufferOf(value),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, header]) => [name, bufferOf(header)]),
    ),
    timestamp: String(timestamp),
  };
}
