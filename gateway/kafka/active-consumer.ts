// Passes commits, pauses and seeks to the consumer that is running at present, and drops them while
// there is none.

import type { KafkaConsumer } from '../../kafka/kafka-port.ts';
import type { ResumedPartition } from './kafka-assignment.ts';
import type { TopicPartition } from './topic-partitions.ts';

/** The offset to read next of a partition. */
export type PartitionOffset = { readonly partition: TopicPartition; readonly offset: number };

export class ActiveConsumer {
  #consumer: KafkaConsumer | null = null;
  #isRebalancing = false;

  /** Whether the group has assigned partitions to a consumer that has not ended since. */
  get isMember(): boolean {
    return this.#consumer !== null;
  }

  is(consumer: KafkaConsumer): boolean {
    return this.#consumer === consumer;
  }

  /** The consumer has ended, and the next one has not joined yet. */
  ended(): void {
    this.#consumer = null;
  }

  /** The group has assigned partitions to this consumer, before it fetches any of them. */
  joined(consumer: KafkaConsumer, assigned: readonly ResumedPartition<TopicPartition>[]): void {
    this.#consumer = consumer;
    this.#isRebalancing = false;
    for (const { partition, seekTo, isPaused } of assigned) {
      if (seekTo !== null) this.seek(partition, seekTo);
      this.setPaused(partition, isPaused ? 'pause' : 'resume');
    }
  }

  /** The present assignment ends: what is settled from now on is committed by the next one. */
  rebalancing(): void {
    this.#isRebalancing = true;
  }

  seek({ topic, partition }: TopicPartition, offset: number): void {
    this.#consumer?.seek(topic, partition, offset);
  }

  setPaused({ topic, partition }: TopicPartition, change: 'pause' | 'resume'): void {
    this.#consumer?.setPaused(topic, partition, change);
  }

  /**
   * Resolves with whether the broker has accepted the commits; `false` without a member and between
   * two assignments. Rejects with the client's error.
   */
  async commit(commits: readonly PartitionOffset[]): Promise<boolean> {
    if (this.#consumer === null || this.#isRebalancing) return false;
    await this.#consumer.commit(
      commits.map(({ partition: { topic, partition }, offset }) => ({ topic, partition, offset })),
    );
    return true;
  }
}
