// What VectorStream asks of a Kafka client library. Each library has a folder with one adapter, and
// nothing outside that folder knows the library.
//
// Offsets are numbers. Methods reject with the library's error, which `kafkaError` describes.

import type { Clock, LogRecord } from '#core/ports.ts';
import type { FetchedRecord } from './kafka-record.ts';
import type { Acknowledgement, Compression } from './kafka-settings.ts';

export type KafkaClient = {
  /** @param retries of each request; by default as many as the other parts make */
  connectAdmin(retries?: number): Promise<KafkaAdmin>;
  connectWriter(options: WriterOptions): Promise<KafkaWriter>;
  connectTopicIds(groupId: string): Promise<TopicIds>;
  /**
   * Joins a consumer group and fetches from its topics. Resolves with what ended that, once it has
   * disconnected; with `null` after the signal.
   */
  runConsumer(run: ConsumerRun, handlers: ConsumerHandlers): Promise<unknown>;
};

/** The first offset of a partition that still exists, and the one after its last record. */
export type PartitionEnds = {
  readonly partition: number;
  readonly low: number;
  readonly high: number;
};

/** A topic as it is created. Its replication factor is the broker's default. */
export type NewTopic = {
  readonly topic: string;
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
};

/** A connection for requests about the cluster. */
export type KafkaAdmin = AsyncDisposable & {
  countBrokers(): Promise<number>;
  listTopics(): Promise<readonly string[]>;
  /** How many partitions these topics have. All of them exist. */
  countPartitions(topics: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Does not wait until the topic has leaders. */
  createTopic(topic: NewTopic): Promise<void>;
  deleteTopics(topics: readonly string[]): Promise<void>;
  topicEnds(topic: string): Promise<readonly PartitionEnds[]>;
  /** By partition, the offset of the first record since a time in UTC ms; the end without one. */
  offsetsSince(topic: string, timestamp: number): Promise<ReadonlyMap<number, number>>;
  /** By topic and partition, what a group has committed; -1, or no entry, without a commit. */
  committed(
    groupId: string,
    topics: readonly string[],
  ): Promise<ReadonlyMap<string, ReadonlyMap<number, number>>>;
  deleteGroup(groupId: string): Promise<void>;
};

export type WriterOptions = {
  readonly topic: string;
  readonly acks: Acknowledgement;
  readonly compression: Compression;
  readonly isIdempotent: boolean;
};

/** Where the broker has put the records of one request. */
export type Written = {
  /** The partition of each record, in input order. */
  readonly partitions: readonly number[];
  /** By partition, the offset of its first record; no entry when the broker does not say. */
  readonly baseOffsets: ReadonlyMap<number, number>;
};

/**
 * Writes to one topic. A key always goes to the partition that the Java client chooses. Not to be
 * used again after a failure, nor twice at a time.
 */
export type KafkaWriter = AsyncDisposable & {
  write(records: readonly LogRecord[]): Promise<Written>;
};

export type TopicIds = AsyncDisposable & {
  /**
   * Asks the group's coordinator, which accepts the group's commits. `null` while there is no such
   * topic. A constant with a broker that has no ids (Kafka before 2.8).
   */
  current(topic: string): Promise<string | null>;
};

export type ConsumerRun = {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** The group gives a member up after this long without a heartbeat; ten heartbeats fit in. */
  readonly sessionMs: number;
  /** Ends the run. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
};

export type ConsumedBatch = {
  readonly topic: string;
  readonly partition: number;
  /** At least one. */
  readonly records: readonly FetchedRecord[];
  /** The offset after the last one that was read; control records count too. */
  readonly next: number;
  /** The offset after the last record of the partition. */
  readonly end: number;
};

/** Called one after the other. None of them waits. */
export type ConsumerHandlers = {
  /**
   * The assignment of a new generation, before anything is fetched in it. A partition without a
   * seek during the call begins where the group has committed, or at its first record.
   */
  joined(
    consumer: KafkaConsumer,
    partitionsOf: (topic: string) => readonly number[],
    memberId: string,
  ): void;
  /** The assignment still holds during this call, and ends after it. */
  rebalancing(): void;
  batch(batch: ConsumedBatch): void;
  /** Everything below `next` was read, and none of it was for a consumer. */
  skipped(topic: string, partition: number, next: number): void;
  /** The broker has answered. */
  heard(): void;
  /** The group still has this member; called some times in each session. */
  heartbeat(): void;
};

export type TopicOffset = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
};

/** The consumer of one run. */
export type KafkaConsumer = {
  seek(topic: string, partition: number, offset: number): void;
  /** Without effect once the run has ended. */
  setPaused(topic: string, partition: number, change: 'pause' | 'resume'): void;
  /** Once, and in the present generation only: it is not repeated after a rebalance. */
  commit(offsets: readonly TopicOffset[]): Promise<void>;
  countMembers(): Promise<number>;
};

/** How long a consumer may take to leave the group and disconnect. */
export const stopMsMax = 1_500;
