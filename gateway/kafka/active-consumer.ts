// Passes commits, pauses and seeks to the consumer that is running at present, and drops them while
// there is none.

import type { Consumer, EachBatchPayload, Offsets } from 'kafkajs';
import type { ResumedPartition } from './kafka-assignment.ts';
import { byTopic, type TopicPartition } from './topic-partitions.ts';

/** The offset to read next of a partition. */
export type PartitionOffset = { readonly partition: TopicPartition; readonly offset: number };

export class ActiveConsumer {
  #consumer: Consumer | null = null;
  /**
   * The commit function that the client passes with a batch. Unlike the consumer's own, which is
   * used until the first batch, it does not retry after a rebalance has taken a partition away.
   */
  #commitOffsets: ((offsets: Offsets) => Promise<void>) | null = null;
  #isRebalancing = false;

  /** Whether the group has assigned partitions to a consumer that has not ended since. */
  get isMember(): boolean {
    return this.#consumer !== null;
  }

  is(consumer: Consumer): boolean {
    return this.#consumer === consumer;
  }

  /** The consumer has ended, and the next one has not joined yet. */
  ended(): void {
    this.#consumer = null;
    this.#commitOffsets = null;
  }

  /** The group has assigned partitions to this consumer, before it fetches any of them. */
  joined(consumer: Consumer, assigned: readonly ResumedPartition<TopicPartition>[]): void {
    this.#consumer = consumer;
    this.#isRebalancing = false;
    for (const { partition, seekTo, isPaused } of assigned) {
      if (seekTo !== null) this.seek(partition, seekTo);
      consumer[isPaused ? 'pause' : 'resume'](listed(partition));
    }
  }

  /** The present assignment ends: what is settled from now on is committed by the next one. */
  rebalancing(): void {
    this.#isRebalancing = true;
  }

  received(payload: EachBatchPayload): void {
    this.#commitOffsets = (offsets) => payload.commitOffsetsIfNecessary(offsets);
  }

  seek({ topic, partition }: TopicPartition, offset: number): void {
    this.#consumer?.seek({ topic, partition, offset: String(offset) });
  }

  setPaused(partition: TopicPartition, change: 'pause' | 'resume'): void {
    try {
      this.#consumer?.[change](listed(partition));
    } catch {
      // A consumer that has just ended refuses. The next one gets the state when it joins.
    }
  }

  /**
   * Resolves with whether the broker has accepted the commits; `false` without a member and between
   * two assignments. Rejects with the client's error.
   */
  async commit(commits: readonly PartitionOffset[]): Promise<boolean> {
    if (this.#consumer === null || this.#isRebalancing) return false;
    const offsets = commits.map(({ partition: { topic, partition }, offset }) => ({
      topic,
      partition,
      offset: String(offset),
    }));
    if (this.#commitOffsets === null) await this.#consumer.commitOffsets(offsets);
    else
      await this.#commitOffsets({
        topics: byTopic(offsets).map(({ topic, partitions }) => ({
          topic,
          partitions: [...partitions],
        })),
      });
    return true;
  }
}

const listed = ({ topic, partition }: TopicPartition) => [{ topic, partitions: [partition] }];
