// Appends records to a Kafka topic: acknowledged when it answers, a key always to the same
// partition, in bounded memory.
//
// One request is on its way at a time, and all that comes meanwhile goes with the next: the client
// numbers the records of an idempotent producer, and takes a number back when a request fails, so
// that a second one on its way could be mistaken for a repetition of the first and be thrown away.
// For the same reason a producer that failed is not used again.

import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import type { Admin, ICustomPartitioner, Kafka, Message, Producer } from 'kafkajs';
import { Fifo } from '#core/collections/fifo.ts';
import { assert } from '#core/errors/assert.ts';
import { DependencyError, LogFullError } from '#core/errors/errors.ts';
import type { EventSink, LogRecord, Position } from '#core/ports.ts';
import { compressionTypes } from './codecs.ts';
import { openKafka, patience } from './kafka-client.ts';
import { brokerWord, kafkaError } from './kafka-errors.ts';
import type { Acknowledgement, Compression, KafkaConnection } from './kafka-settings.ts';
import { ensureTopic, type TopicPlan } from './kafka-topics.ts';

export type KafkaSinkOptions = {
  readonly connection: KafkaConnection;
  readonly topic: TopicPlan;
  /** With `0` positions have the offset -1. */
  readonly acks: Acknowledgement;
  readonly compression: Compression;
  /** Of records that wait or are on their way. */
  readonly bytesMax: number;
};

export const sinkDefaults = {
  acks: 'all',
  compression: 'none',
  bytesMax: 64 * 2 ** 20,
} as const satisfies Partial<KafkaSinkOptions>;

type Append = {
  readonly records: readonly LogRecord[];
  readonly bytes: number;
  readonly resolve: (positions: readonly Position[]) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * Of one request. All records of a partition in it are one batch to the broker, which refuses
 * batches over 1 MB by default. The client's time to sort them grows with the square of their
 * number.
 */
const requestBytesMax = 768 * 1024;
const requestRecordsMax = 1_000;
/** What a record takes besides key, value and headers. */
const recordOverheadBytes = 64;
const acksNumbers = { all: -1, '1': 1, '0': 0 } as const;
const closeMsMax = 2_000;
/** What brokers answer to a user or a version that may not number its records. */
const notIdempotent = /AUTHORIZATION_FAILED|UNSUPPORTED_VERSION/;

/** Connects with the first append, and makes the topic if it may. */
export function createKafkaSink(options: KafkaSinkOptions): EventSink {
  const { connection, topic: plan, acks, compression, bytesMax } = options;
  const { topic } = plan;
  const kafka = openKafka(connection);
  const waiting = new Fifo<Append>();
  const places = new WeakMap<Message, number>();
  let bytes = 0;
  let isIdempotent = acks === 'all';
  let producer: Producer | null = null;
  let pumping: Promise<void> | null = null;
  let isClosed = false;

  /** The Java client's choice, kept when a request is tried again: positions are told from it. */
  const createPartitioner: ICustomPartitioner = () => {
    const choose = kafkajs.Partitioners.DefaultPartitioner();
    return (args) => {
      const place = places.get(args.message) ?? choose(args);
      places.set(args.message, place);
      return place;
    };
  };

  const connected = async (): Promise<Producer> => {
    if (producer !== null) return producer;
    await withAdmin(kafka, (admin) => ensureTopic(admin, plan));
    const fresh = kafka.producer({
      createPartitioner,
      allowAutoTopicCreation: false,
      idempotent: isIdempotent,
      retry: patience,
    });
    try {
      await fresh.connect();
    } catch (error) {
      void fresh.disconnect().catch(() => undefined);
      if (!isIdempotent || !notIdempotent.test(brokerWord(error) ?? '')) throw error;
      connection.log.info(
        { topic },
        'this broker lets no records be numbered: what is sent again may be stored twice in the log',
      );
      isIdempotent = false;
      return connected();
    }
    producer = fresh;
    return fresh;
  };

  const send = async (records: readonly LogRecord[]): Promise<readonly Position[]> => {
    const messages = records.map(messageOf);
    try {
      const answers = await (
        await connected()
      ).send({
        topic,
        messages,
        acks: acksNumbers[acks],
        compression: compressionTypes[compression],
      });
      const next = new Map(
        answers.map(({ partition, baseOffset }) => [partition, Number(baseOffset)]),
      );
      return messages.map((message) => {
        const partition = places.get(message);
        assert(partition !== undefined, 'A message was sent without a partition');
        const offset = next.get(partition) ?? -1;
        if (offset >= 0) next.set(partition, offset + 1);
        return { topic, partition, offset };
      });
    } catch (error) {
      const failed = producer;
      producer = null;
      void failed?.disconnect().catch(() => undefined);
      throw kafkaError(error, `writing to ${topic} at ${connection.brokers.join(', ')}`);
    }
  };

  const sendAll = async (appends: readonly Append[]): Promise<void> => {
    try {
      const positions: Position[] = [];
      for (const request of inRequests(appends.flatMap(({ records }) => records)))
        positions.push(...(await send(request)));
      let from = 0;
      for (const { records, resolve } of appends)
        resolve(positions.slice(from, (from += records.length)));
    } catch (error) {
      // Refused for good: one append's records must not spoil another's. What was written is
      // written again; ids tell.
      const isAlone =
        appends.length === 1 || !(error instanceof DependencyError) || error.retryable;
      if (isAlone) for (const { reject } of appends) reject(error);
      else for (const append of appends) await sendAll([append]);
    }
  };

  const pump = async (): Promise<void> => {
    for (let first = waiting.take(); first !== undefined; first = waiting.take()) {
      const appends = [first];
      let size = first.bytes;
      for (
        let next = waiting.peek();
        next !== undefined && size + next.bytes <= requestBytesMax;
        next = waiting.peek()
      ) {
        waiting.take();
        appends.push(next);
        size += next.bytes;
      }
      await sendAll(appends);
      bytes -= size;
    }
    pumping = null;
  };

  return {
    append(records) {
      if (isClosed) return Promise.reject(closed(topic));
      if (records.length === 0) return Promise.resolve([]);
      const size = records.reduce((sum, record) => sum + bytesOf(record), 0);
      // What is larger than the bound goes alone.
      if (bytes > 0 && bytes + size > bytesMax) {
        return Promise.reject(
          new LogFullError(`${bytes} bytes of events wait for Kafka; at most ${bytesMax} may.`),
        );
      }
      bytes += size;
      return new Promise((resolve, reject) => {
        waiting.push({ records, bytes: size, resolve, reject });
        pumping ??= pump();
      });
    },

    async [Symbol.asyncDispose]() {
      if (isClosed) return;
      isClosed = true;
      const timer = new AbortController();
      const late = sleep(closeMsMax, undefined, { signal: timer.signal }).catch(() => undefined);
      await Promise.race([pumping, late]);
      timer.abort();
      for (let left = waiting.take(); left !== undefined; left = waiting.take())
        left.reject(closed(topic));
      await producer?.disconnect().catch(() => undefined);
    },
  };
}

const closed = (topic: string): DependencyError =>
  new DependencyError('kafka', 'kafka_closed', `The producer of ${topic} is closed.`, {
    retryable: true,
  });

/** Connects an admin client for one piece of work. */
export async function withAdmin<T>(kafka: Kafka, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin({ retry: patience });
  try {
    await admin.connect();
    return await work(admin);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

const bytesOf = ({ key, value, headers }: LogRecord): number =>
  Object.entries(headers).reduce(
    (sum, [name, header]) => sum + name.length + header.length,
    (key?.length ?? 0) + value.length + recordOverheadBytes,
  );

function* inRequests(records: readonly LogRecord[]): Generator<readonly LogRecord[], void> {
  let request: LogRecord[] = [];
  let size = 0;
  for (const record of records) {
    const bytes = bytesOf(record);
    if (
      request.length === requestRecordsMax ||
      (request.length > 0 && size + bytes > requestBytesMax)
    ) {
      yield request;
      request = [];
      size = 0;
    }
    request.push(record);
    size += bytes;
  }
  if (request.length > 0) yield request;
}

/** In bytes of its own: the sender may use its buffers again while the record waits. */
function messageOf({ key, value, headers, timestamp }: LogRecord): Message {
  return {
    key: key && Buffer.from(key),
    value: Buffer.from(value),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, header]) => [name, Buffer.from(header)]),
    ),
    timestamp: String(timestamp),
  };
}
