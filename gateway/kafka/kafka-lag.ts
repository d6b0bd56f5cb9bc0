// Asks the broker how far a consumer group is behind, and answers from memory while the broker is
// silent.

import { DependencyError } from '#core/errors/errors.ts';
import type { Clock, PartitionLag } from '#core/ports.ts';
import { within } from '#core/time/deadline.ts';
import type { KafkaAdmin, KafkaClient } from '../../kafka/kafka-port.ts';
import type { GroupStart } from './group-start.ts';
import type { TopicPartition, TopicPartitions } from './topic-partitions.ts';

/** What is known of a partition that the group reads. */
export type GroupOffset = {
  /** The offset to read next by the group's commit; where the group begins without one. */
  readonly committed: number;
  readonly hasCommit: boolean;
  /** The one after the last record. */
  readonly end: number;
};
export type GroupOffsets = ReadonlyMap<TopicPartition, GroupOffset>;

export type KafkaLag = AsyncDisposable & {
  /** Offsets as they are committed at this moment or later. Rejects with the client's error. */
  offsets(): Promise<GroupOffsets>;
  /**
   * The lag of these partitions, within about a second: the last known one while the broker is
   * silent.
   *
   * @param partitions `null` while the group has not assigned any
   * @throws DependencyError when it is not known
   */
  lag(partitions: readonly TopicPartition[] | null): Promise<readonly PartitionLag[]>;
};

const lagMsMax = 1_000;
/** Whoever asks gets the last known lag meanwhile. */
const retries = 1;

export function createKafkaLag({
  client,
  topics,
  places,
  start,
  groupId,
  clock,
}: {
  readonly client: KafkaClient;
  /** Those that are read now. */
  readonly topics: () => readonly string[];
  readonly places: TopicPartitions;
  readonly start: GroupStart;
  readonly groupId: string;
  readonly clock: Clock;
}): KafkaLag {
  let admin: Promise<KafkaAdmin> | null = null;
  let asking: Promise<GroupOffsets> | null = null;
  /** `null` until the first answer. */
  let last: GroupOffsets | null = null;

  const ask = async (): Promise<GroupOffsets> => {
    const mine = (admin ??= client.connectAdmin(retries));
    try {
      const answered = await readOffsets(await mine);
      last = answered;
      return answered;
    } catch (error) {
      if (admin === mine) admin = null;
      void mine.then((failed) => failed[Symbol.asyncDispose]()).catch(() => undefined);
      throw error;
    }
  };

  const readOffsets = async (connected: KafkaAdmin): Promise<GroupOffsets> => {
    const asked = topics();
    const committed = await connected.committed(groupId, asked);
    const ofTopics = asked.map(async (topic) => {
      const commits = committed.get(topic) ?? new Map<number, number>();
      const ends = await connected.topicEnds(topic);
      const begin = await start.beginnings(connected, topic, ends, commits);
      return ends.map(({ partition, high }): [TopicPartition, GroupOffset] => {
        const commit = commits.get(partition) ?? -1;
        const hasCommit = commit >= 0;
        const next = hasCommit ? commit : begin(partition);
        return [places.of(topic, partition), { committed: next, hasCommit, end: high }];
      });
    });
    return new Map((await Promise.all(ofTopics)).flat());
  };

  const shared = (): Promise<GroupOffsets> =>
    (asking ??= ask().finally(() => {
      asking = null;
    }));

  return {
    offsets: ask,
    async lag(partitions) {
      if (partitions === null) throw unknownLag(topics(), `group ${groupId} has not been joined`);
      const known = await within(
        shared().catch(() => last),
        { ms: lagMsMax, clock, late: () => last },
      );
      return partitions.map((partition) => {
        const offset = known?.get(partition);
        if (offset === undefined)
          throw unknownLag(topics(), `the offsets of ${String(partition)} were not answered`);
        return { ...place(partition), lag: Math.max(0, offset.end - offset.committed) };
      });
    },
    async [Symbol.asyncDispose]() {
      await asking?.catch(() => undefined);
      await admin?.then((connected) => connected[Symbol.asyncDispose]()).catch(() => undefined);
    },
  };
}

const place = ({ topic, partition }: TopicPartition) => ({ topic, partition });

const unknownLag = (topics: readonly string[], why: string): DependencyError =>
  new DependencyError(
    'kafka',
    'kafka_lag_unknown',
    `The lag of ${topics.join(', ')} is not known: ${why} yet.`,
    { retryable: true },
  );
