// Knows where a consumer group begins in a partition that it has no commit for.

import type { KafkaAdmin, PartitionEnds } from '../../kafka/kafka-port.ts';

/** The first record that is kept, the end at this gateway's start, or the first since UTC ms. */
export type StartFrom = 'earliest' | 'latest' | number;

export class GroupStart {
  readonly from: StartFrom;
  /** The ends of all topics when this gateway first saw them; `null` until then. */
  #ends: ReadonlyMap<string, ReadonlyMap<number, number>> | null = null;

  constructor(from: StartFrom) {
    this.from = from;
  }

  /**
   * Notes where the topics end, the first time. What comes into being afterwards, a partition or a
   * whole topic, is read from its first record: nothing of it was there before.
   */
  async note(admin: KafkaAdmin, topics: readonly string[]): Promise<void> {
    if (this.from !== 'latest' || this.#ends !== null) return;
    const ends = topics.map(async (topic): Promise<[string, ReadonlyMap<number, number>]> => [
      topic,
      new Map((await admin.topicEnds(topic)).map(({ partition, high }) => [partition, high])),
    ]);
    this.#ends = new Map(await Promise.all(ends));
  }

  /**
   * The offset to begin at in each partition of a topic.
   *
   * @param ends of all partitions of the topic
   * @param commits of the group by partition; -1 without one
   */
  async beginnings(
    admin: KafkaAdmin,
    topic: string,
    ends: readonly PartitionEnds[],
    commits: ReadonlyMap<number, number>,
  ): Promise<(partition: number) => number> {
    const first = new Map(ends.map(({ partition, low }) => [partition, low]));
    const isAllCommitted = ends.every(({ partition }) => (commits.get(partition) ?? -1) >= 0);
    const given =
      typeof this.from === 'number' && !isAllCommitted
        ? await admin.offsetsSince(topic, this.from)
        : this.#ends?.get(topic);
    return (partition) => given?.get(partition) ?? first.get(partition) ?? 0;
  }
}
