// Asks the broker how far a consumer group is behind, and answers with what it last heard while the
// broker is silent.

import type { Admin, Kafka } from 'kafkajs';
import type { Clock, PartitionLag } from '#core/ports.ts';
import { patience } from '../../kafka/kafka-client.ts';

export type GroupOffsets = ReadonlyMap<
  number,
  { readonly committed: number; readonly end: number }
>;

export type KafkaLag = AsyncDisposable & {
  /** Throws what the client throws. */
  offsets(): Promise<GroupOffsets>;
  /** Of these partitions, within about a second. */
  lag(partitions: readonly number[]): Promise<readonly PartitionLag[]>;
};

const answerMsMax = 1_000;

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
    const fresh = kafka.admin({ retry: { ...patience, retries: 1 } });
    await fresh.connect();
    return fresh;
  };

  const ask = async (): Promise<GroupOffsets> => {
    admin ??= connect();
    const mine = admin;
    try {
      const connected = await mine;
      const [ends, groups] = await Promise.all([
        connected.fetchTopicOffsets(topic),
        connected.fetchOffsets({ groupId, topics: [topic] }),
      ]);
      const committed = new Map(
        groups.flatMap(({ partitions }) =>
          partitions.map(({ partition, offset }) => [partition, Number(offset)]),
        ),
      );
      last = new Map(
        ends.map(({ partition, high, low }) => {
          const at = committed.get(partition) ?? -1;
          // A group that has not committed begins at the first record that is left.
          return [partition, { committed: at < 0 ? Number(low) : at, end: Number(high) }];
        }),
      );
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
      const timer = new AbortController();
      const late = clock.sleep(answerMsMax, timer.signal).then(
        () => last,
        () => last,
      );
      const known = await Promise.race([offsets().catch(() => last), late]);
      timer.abort();
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
