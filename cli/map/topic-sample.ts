// Reads the last records of a Kafka topic and leaves no trace: it commits nothing, and deletes its
// consumer group.

import { randomUUID } from 'node:crypto';
import { UsageError } from '#core/errors/errors.ts';
import type { Clock } from '#core/ports.ts';
import { within } from '#core/time/deadline.ts';
import { openKafkaClient, withAdmin } from '../../kafka/kafka-client.ts';
import type { KafkaConnection } from '../../kafka/kafka-settings.ts';
import type { SampleRecord } from './mapping-report.ts';

/**
 * The end of a topic may never come: markers of transactions have offsets, and are no records. A
 * group needs some seconds to form.
 */
const quietMsMax = 10_000;
const sessionMs = 10_000;
const ignored = (): void => undefined;

/**
 * Reads about as many records from each partition; fewer than `limit` if the topic has fewer.
 *
 * @throws UsageError for a topic that does not exist or is empty
 */
export async function recordsOfTopic(
  connection: KafkaConnection,
  topic: string,
  { limit, clock }: { readonly limit: number; readonly clock: Clock },
): Promise<SampleRecord[]> {
  const client = openKafkaClient(connection);
  const partitions = await withAdmin(client, async (admin) => {
    if ((await admin.listTopics()).includes(topic)) return admin.topicEnds(topic);
    throw new UsageError(`There is no topic ${topic}, and no file of this name.`);
  });
  const share = Math.ceil(limit / partitions.length);
  const wanted = partitions
    .map(({ partition, low, high }) => ({
      partition,
      from: Math.max(low, high - share),
      to: high,
    }))
    .filter(({ from, to }) => from < to);
  if (wanted.length === 0) throw new UsageError(`The topic ${topic} has no records.`);

  const records: SampleRecord[] = [];
  const left = new Map(wanted.map((range) => [range.partition, range]));
  const complete = Promise.withResolvers<void>();
  const groupId = `vectorstream-map-${randomUUID()}`;
  const stop = new AbortController();
  const run = { groupId, topics: [topic], sessionMs, signal: stop.signal, clock };
  const reading = client.runConsumer(run, {
    joined(consumer) {
      for (const { partition, from } of wanted) consumer.seek(topic, partition, from);
    },
    batch({ partition, records: read, next }) {
      const range = left.get(partition);
      if (range === undefined) return;
      for (const { offset, ...record } of read)
        if (offset >= range.from && offset < range.to)
          records.push({ ...record, position: { topic, partition, offset } });
      if (next >= range.to) left.delete(partition);
      if (left.size === 0) complete.resolve();
    },
    skipped: ignored,
    rebalancing: ignored,
    heard: ignored,
    heartbeat: ignored,
  });
  const failed = reading.then((error) => {
    if (error !== null) throw error;
  });
  try {
    await Promise.race([failed, quiet(complete.promise, () => records.length, clock)]);
  } finally {
    stop.abort();
    await reading;
    await withAdmin(client, (admin) => admin.deleteGroup(groupId)).catch(() => undefined);
  }
  if (records.length > 0) return records.slice(0, limit);
  throw new UsageError(`The topic ${topic} gave no record within ${quietMsMax / 1000} s.`);
}

/** Waits until everything is there, or nothing more comes. */
async function quiet(all: Promise<void>, count: () => number, clock: Clock): Promise<void> {
  for (;;) {
    const before = count();
    const isLate = await within(
      all.then(() => false),
      { ms: quietMsMax, clock, late: () => true },
    );
    if (!isLate || count() === before) return;
  }
}
