// Sends records to one Kafka topic, one request at a time, through a producer that is replaced
// after every failure.

import kafkajs from 'kafkajs';
import type { ICustomPartitioner, Kafka, Message, Producer } from 'kafkajs';
import { assert } from '#core/errors/assert.ts';
import type { LogRecord, Position } from '#core/ports.ts';
import { compressionTypes } from './codecs.ts';
import { clientRetry, openKafka, withAdmin } from './kafka-client.ts';
import { brokerErrorType, kafkaError } from './kafka-errors.ts';
import type { Acknowledgement, Compression, KafkaConnection } from './kafka-settings.ts';
import { ensureTopic, type TopicPlan } from './kafka-topics.ts';

export type KafkaProducerOptions = {
  readonly connection: KafkaConnection;
  readonly topic: TopicPlan;
  /** The acknowledgements to wait for. With `0` every position has the offset -1. */
  readonly acks: Acknowledgement;
  readonly compression: Compression;
};

const acksNumbers = { all: -1, '1': 1, '0': 0 } as const;
/** The broker's error when a user or a version may not use an idempotent producer. */
const notIdempotent = /AUTHORIZATION_FAILED|UNSUPPORTED_VERSION/;

/** Connects with the first request, and creates the topic if it may. */
export class KafkaProducer implements AsyncDisposable {
  readonly #options: KafkaProducerOptions;
  readonly #kafka: Kafka;
  /** The partition of every message, kept for retries: positions are derived from it. */
  readonly #partitions = new WeakMap<Message, number>();
  /** Of messages whose partition another key than their own chooses. */
  readonly #partitionKeys = new WeakMap<Message, Buffer>();
  #isIdempotent: boolean;
  #connected: Producer | null = null;

  constructor(options: KafkaProducerOptions) {
    this.#options = options;
    this.#kafka = openKafka(options.connection);
    this.#isIdempotent = options.acks === 'all';
  }

  /**
   * Resolves with the positions in input order once the broker has acknowledged all records. Must
   * not be called again before it has settled.
   *
   * @throws DependencyError
   */
  async send(records: readonly LogRecord[]): Promise<readonly Position[]> {
    const { acks, compression, connection } = this.#options;
    const { topic } = this.#options.topic;
    const messages = records.map((record) => this.#messageOf(record));
    try {
      const producer = await this.#connect();
      const answers = await producer.send({
        topic,
        messages,
        acks: acksNumbers[acks],
        compression: compressionTypes[compression],
      });
      const next = new Map(
        answers.map(({ partition, baseOffset }) => [partition, Number(baseOffset)]),
      );
      return messages.map((message) => {
        const partition = this.#partitions.get(message);
        assert(partition !== undefined, 'A message was sent without a partition');
        const offset = next.get(partition) ?? -1;
        if (offset >= 0) next.set(partition, offset + 1);
        return { topic, partition, offset };
      });
    } catch (error) {
      void this[Symbol.asyncDispose]();
      throw kafkaError(error, `writing to ${topic} at ${connection.brokers.join(', ')}`);
    }
  }

  /** Disconnects. The next `send` connects again. */
  async [Symbol.asyncDispose](): Promise<void> {
    const producer = this.#connected;
    this.#connected = null;
    await producer?.disconnect().catch(() => undefined);
  }

  async #connect(): Promise<Producer> {
    if (this.#connected !== null) return this.#connected;
    const { topic: plan, connection } = this.#options;
    await withAdmin(this.#kafka, (admin) => ensureTopic(admin, plan));
    const producer = this.#kafka.producer({
      createPartitioner: this.#createPartitioner,
      allowAutoTopicCreation: false,
      idempotent: this.#isIdempotent,
      retry: clientRetry,
    });
    try {
      await producer.connect();
    } catch (error) {
      void producer.disconnect().catch(() => undefined);
      if (!this.#isIdempotent || !notIdempotent.test(brokerErrorType(error) ?? '')) throw error;
      connection.log.info(
        { topic: plan.topic },
        'this broker does not allow idempotent producers: retries may store records twice',
      );
      this.#isIdempotent = false;
      return this.#connect();
    }
    this.#connected = producer;
    return producer;
  }

  #messageOf(record: LogRecord): Message {
    const message = messageOf(record);
    const { partitionKey } = record;
    if (partitionKey !== undefined) this.#partitionKeys.set(message, bufferOf(partitionKey));
    return message;
  }

  /** Chooses as the Java client does, once per message. */
  readonly #createPartitioner: ICustomPartitioner = () => {
    const choose = kafkajs.Partitioners.DefaultPartitioner();
    return (args) => {
      const { message } = args;
      const key = this.#partitionKeys.get(message);
      const partition =
        this.#partitions.get(message) ??
        choose(key === undefined ? args : { ...args, message: { ...message, key } });
      this.#partitions.set(message, partition);
      return partition;
    };
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

/** The same bytes, not copied. */
const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
