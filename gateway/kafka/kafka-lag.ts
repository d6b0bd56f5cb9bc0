// Asks the broker how far a consumer group is behind, and answers from memory while the broker is
// silent.

import type { Admin, Kafka } from 'kafkajs';
import type { Clock, PartitionLag } from '#core/ports.ts';
import { within } from '#core/time/deadline.ts';
import { clientRetry } from '../../kafka/kafka-client.ts';

/** By partition: the offset that the group has committed, and the offset after the last record. */
export type GroupOffsets = ReadonlyMap<
  number,
  { readonly committed: number; readonly end: number }
>;

export type KafkaLag = AsyncDisposable & {
  /** Rejects with the client's error. */
  offsets(): Promise<GroupOffsets>;
  /** The lag of these partitions, within about a second. */
  lag(partitions: readonly number[]): Promise<readonly PartitionLag[]>;
};

const lagMsMax = 1_000;

export function createKafkaLag({
  kafka,
  topic,
  groupId,
  clock,
}: {
  readonly kafka: Kafka;
  readonly topic: string;
  readonly groupId: string;
  readonly clock: Clock;
}): KafkaLag {
  let admin: Promise<Admin> | null = null;
  let asking: Promise<GroupOffsets> | null = null;
  let last: GroupOffsets = new Map();

  const connect = async (): Promise<Admin> => {
    const fresh = kafka.admin({ retry: { ...clientRetry, retries: 1 } });
    await fresh.connect();
    return fresh;
  };

  const ask = async (): Promise<GroupOffsets> => {
    const mine = (admin ??= connect());
    try {
      last = await readOffsets(await mine, topic, groupId);
      return last;
    } catch (error) {
      if (admin === mine) admin = null;
      void mine.then((failed) => failed.disconnect()).catch(() => undefined);
      throw error;
    }
  };

  const offsets = (): Promise<GroupOffsets> =>
    (asking ??= ask().finally(() => {
      asking = null;
    }));

  return {
    offsets,
    async lag(partitions) {
      const known = await within(
        offsets().catch(() => last),
        { ms: lagMsMax, clock, late: () => last },
      );
      return partitions.map((partition) => {
        const { committed, end } = known.get(partition) ?? { committed: 0, end: 0 };
        return { partition, lag: Math.max(0, end - committed) };
      });
    },
    async [Symbol.asyncDispose]() {
      await asking?.catch(() => undefined);
      await admin?.then((connected) => connected.disconnect()).catch(() => undefined);
    },
  };
}

async function readOffsets(admin: Admin, topic: string, groupId: string): Promise<GroupOffsets> {
  const [ends, groups] = await Promise.all([
    admin.fetchTopicOffsets(topic),
    admin.fetchOffsets({ groupId, topics: [topic] }),
  ]);
  const committed = new Map(
    groups.flatMap(({ partitions }) =>
      partitions.map(({ partition, offset }) => [partition, Number(offset)]),
    ),
  );
  return new Map(
    ends.map(({ partition, high, low }) => {
      const offset = committed.get(partition) ?? -1;
      // A group without a commit begins at the first record that still exists.
      return [partition, { committed: offset < 0 ? Number(low) : offset, end: Number(high) }];
    }),
  );
}
