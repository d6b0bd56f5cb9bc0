// Asks the broker how far a consumer group is behind, and answers from memory while the broker is
// silent.

import type { Admin, Kafka } from 'kafkajs';
import { DependencyError } from '#core/errors/errors.ts';
import type { Clock, PartitionLag } from '#core/ports.ts';
import { within } from '#core/time/deadline.ts';
import { clientRetry } from '../../kafka/kafka-client.ts';

/** Offsets by partition: the one that the group committed, and the one after the last record. */
export type GroupOffsets = ReadonlyMap<
  number,
  { readonly committed: number; readonly end: number }
>;

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
  lag(partitions: readonly number[] | null): Promise<readonly PartitionLag[]>;
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
  /** `null` until the first answer. */
  let last: GroupOffsets | null = null;

  const connect = async (): Promise<Admin> => {
    const fresh = kafka.admin({ retry: { ...clientRetry, retries: 1 } });
    await fresh.connect();
    return fresh;
  };

  const ask = async (): Promise<GroupOffsets> => {
    const mine = (admin ??= connect());
    try {
      const answered = await readOffsets(await mine, topic, groupId);
      last = answered;
      return answered;
    } catch (error) {
      if (admin === mine) admin = null;
      void mine.then((failed) => failed.disconnect()).catch(() => undefined);
      throw error;
    }
  };

  const shared = (): Promise<GroupOffsets> =>
    (asking ??= ask().finally(() => {
      asking = null;
    }));

  return {
    offsets: ask,
    async lag(partitions) {
      if (partitions === null) throw unknownLag(topic, `group ${groupId} has not been joined`);
      const known = await within(
        shared().catch(() => last),
        { ms: lagMsMax, clock, late: () => last },
      );
      return partitions.map((partition) => {
        const offset = known?.get(partition);
        if (offset === undefined)
          throw unknownLag(topic, `the offsets of partition ${partition} were not answered`);
        return { partition, lag: Math.max(0, offset.end - offset.committed) };
      });
    },
    async [Symbol.asyncDispose]() {
      await asking?.catch(() => undefined);
      await admin?.then((connected) => connected.disconnect()).catch(() => undefined);
    },
  };
}

const unknownLag = (topic: string, why: string): DependencyError =>
  new DependencyError(
    'kafka',
    'kafka_lag_unknown',
    `The lag of ${topic} is not known: ${why} yet.`,
    {
      retryable: true,
    },
  );

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
