// Knows where a consumer group begins in a partition that it has no commit for.

import type { Admin, SeekEntry } from 'kafkajs';

/** The first record that is kept, the end at this gateway's start, or the first since UTC ms. */
export type StartFrom = 'earliest' | 'latest' | number;

type PartitionEnds = SeekEntry & { readonly low: string; readonly high: string };

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
  async note(admin: Admin, topics: readonly string[]): Promise<void> {
    if (this.from !== 'latest' || this.#ends !== null) return;
    const ends = topics.map(async (topic): Promise<[string, ReadonlyMap<number, number>]> => [
      topic,
      offsetsOf((await admin.fetchTopicOffsets(topic)).map(endOf)),
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
    admin: Admin,
    topic: string,
    ends: readonly PartitionEnds[],
    commits: ReadonlyMap<number, number>,
  ): Promise<(partition: number) => number> {
    const first = offsetsOf(ends.map(({ partition, low }) => ({ partition, offset: low })));
    const isAllCommitted = ends.every(({ partition }) => (commits.get(partition) ?? -1) >= 0);
    const given =
      typeof this.from === 'number' && !isAllCommitted
        ? offsetsOf(await admin.fetchTopicOffsetsByTimestamp(topic, this.from))
        : this.#ends?.get(topic);
    return (partition) => given?.get(partition) ?? first.get(partition) ?? 0;
  }
}

const endOf = ({ partition, high }: PartitionEnds): SeekEntry => ({ partition, offset: high });
const offsetsOf = (entries: readonly SeekEntry[]): ReadonlyMap<number, number> =>
  new Map(entries.map(({ partition, offset }) => [partition, Number(offset)]));
