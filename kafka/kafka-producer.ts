// Sends records to one Kafka topic, one request at a time, through a producer that is replaced
// after every failure.

import type { LogRecord, Position } from '#core/ports.ts';
import { openKafkaClient, withAdmin } from './kafka-client.ts';
import { brokerErrorType, kafkaError } from './kafka-errors.ts';
import type { KafkaClient, KafkaWriter } from './kafka-port.ts';
import type { Acknowledgement, Compression, KafkaConnection } from './kafka-settings.ts';
import { ensureTopic, type TopicPlan } from './kafka-topics.ts';

export type KafkaProducerOptions = {
  readonly connection: KafkaConnection;
  readonly topic: TopicPlan;
  /** The acknowledgements to wait for. With `0` every position has the offset -1. */
  readonly acks: Acknowledgement;
  readonly compression: Compression;
};

/** The broker's error when a user or a version may not use an idempotent producer. */
const notIdempotent = /AUTHORIZATION_FAILED|UNSUPPORTED_VERSION/;

/** Connects with the first request, and creates the topic if it may. */
export class KafkaProducer implements AsyncDisposable {
  readonly #options: KafkaProducerOptions;
  readonly #client: KafkaClient;
  #isIdempotent: boolean;
  #connected: KafkaWriter | null = null;

  constructor(options: KafkaProducerOptions) {
    this.#options = options;
    this.#client = openKafkaClient(options.connection);
    this.#isIdempotent = options.acks === 'all';
  }

  /**
   * Resolves with the positions in input order once the broker has acknowledged all records. Must
   * not be called again before it has settled.
   *
   * @throws DependencyError
   */
  async send(records: readonly LogRecord[]): Promise<readonly Position[]> {
    const { topic } = this.#options.topic;
    try {
      const writer = await this.#connect();
      const { partitions, baseOffsets } = await writer.write(records);
      const next = new Map(baseOffsets);
      return partitions.map((partition) => {
        const offset = next.get(partition) ?? -1;
        if (offset >= 0) next.set(partition, offset + 1);
        return { topic, partition, offset };
      });
    } catch (error) {
      void this[Symbol.asyncDispose]();
      throw kafkaError(
        error,
        `writing to ${topic} at ${this.#options.connection.brokers.join(', ')}`,
      );
    }
  }

  /** Disconnects. The next `send` connects again. */
  async [Symbol.asyncDispose](): Promise<void> {
    const writer = this.#connected;
    this.#connected = null;
    try {
      await writer?.[Symbol.asyncDispose]();
    } catch {
      // What it has written was acknowledged or reported.
    }
  }

  async #connect(): Promise<KafkaWriter> {
    if (this.#connected !== null) return this.#connected;
    const { topic: plan, acks, compression, connection } = this.#options;
    const { topic } = plan;
    await withAdmin(this.#client, (admin) => ensureTopic(admin, plan));
    try {
      const isIdempotent = this.#isIdempotent;
      this.#connected = await this.#client.connectWriter({
        topic,
        acks,
        compression,
        isIdempotent,
      });
    } catch (error) {
      if (!this.#isIdempotent || !notIdempotent.test(brokerErrorType(error) ?? '')) throw error;
      connection.log.info(
        { topic },
        'this broker does not allow idempotent producers: retries may store records twice',
      );
      this.#isIdempotent = false;
      return this.#connect();
    }
    return this.#connected;
  }
}
