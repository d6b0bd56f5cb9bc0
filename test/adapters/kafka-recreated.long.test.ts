// A topic that is deleted and recreated starts at offset 0 again, and loses nothing.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nothingErased } from '#core/erasure/tombstones.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { defaultPipelineLimits, runPipeline } from '#core/pipeline/pipeline.ts';
import type { DeadLetters, EventSource, LogRecord } from '#core/ports.ts';
import { systemClock } from '#core/time/clock.ts';
import { openKafkaClient, withAdmin } from '../../kafka/kafka-client.ts';
import { noKafka, startKafkaBroker, type KafkaBroker } from '../helpers/kafka-broker.ts';
import { silentObserver } from '../helpers/silent-observer.ts';
import { until } from '../helpers/until.ts';
import { cuttable, kafkaDeadLetters, kafkaTopic } from './kafka-harness.ts';
import { KafkaReader, stored } from './kafka-reader.ts';

const reason = await noKafka();
const utf8 = new TextEncoder();
const textOf = (bytes: Uint8Array | null): string => new TextDecoder().decode(bytes ?? undefined);
const badRecords = (life: string, length = 300): LogRecord[] =>
  Array.from({ length }, (_, i) => ({
    key: utf8.encode(`key ${i % 10}`),
    value: utf8.encode(`not JSON: ${life} ${i}`),
    headers: {},
    timestamp: Date.now(),
  }));

/** Runs until everything in the source is settled. */
async function drain(source: EventSource, deadLetters: DeadLetters): Promise<void> {
  const stop = new AbortController();
  let received = 0;
  const pipeline = runPipeline({
    erased: nothingErased,
    source,
    store: createMemoryStore({ dimensions: 4, now: () => Date.now() }),
    deadLetters,
    embedding: { embed: () => Promise.reject(new Error('No valid event was sent.')) },
    isDistrusted: () => false,
    clock: systemClock,
    random: Math.random,
    limits: { ...defaultPipelineLimits, event: eventLimits },
    observer: { ...silentObserver, received: (count: number) => void (received += count) },
    signal: stop.signal,
  });
  await until(
    'all is settled',
    180_000,
    async () =>
      received === 300 &&
      source.unsettled() === 0 &&
      (await source.lag()).every(({ lag }) => lag === 0),
  );
  stop.abort();
  await pipeline;
}

describe.skipIf(reason !== null)('a topic that was deleted and recreated', () => {
  let broker: KafkaBroker;
  beforeAll(async () => {
    broker = await startKafkaBroker();
  });
  afterAll(() => broker[Symbol.asyncDispose]());

  it('has each bad record as a dead letter, even at the offset of an earlier one', async () => {
    const name = randomUUID();
    await using deadLetters = kafkaDeadLetters(broker, name);
    const queue = await deadLetters.open();
    for (const life of ['first', 'second']) {
      await using log = kafkaTopic(broker, { partitions: 1 }, name);
      await log.append(badRecords(life));
      await drain(await log.open('group'), queue);
      await withAdmin(openKafkaClient(cuttable(broker.brokers)), async (admin) => {
        await admin.deleteTopics([log.topic]);
        await until('the topic is gone', 180_000, async () => {
          const topics = await admin.listTopics();
          return !topics.includes(log.topic);
        });
      });
    }
    const listed = await queue.list({ limit: 1_000, valueBytesMax: 100 });
    expect(listed.map(({ value }) => textOf(value)).toSorted()).toEqual(
      ['first', 'second']
        .flatMap((life) => badRecords(life))
        .map(({ value }) => textOf(value))
        .toSorted(),
    );
  });

  it('is read from its start, even when it has grown past the position of a reader', async () => {
    await using log = kafkaTopic(broker, { partitions: 1 }, randomUUID());
    await log.append(badRecords('first', 20));
    // It takes five, has the rest in hand, and does not fetch any more.
    const source = await log.open('group', { unsettledMax: 5, fetchedBytesMax: 1 });
    const reader = new KafkaReader(source, false);
    await until('it is full', 180_000, () => reader.delivered.length === 5);
    await withAdmin(openKafkaClient(cuttable(broker.brokers)), async (admin) => {
      await admin.deleteTopics([log.topic]);
      await admin.createTopic({ topic: log.topic, partitions: 1, config: {} });
    });
    const records = badRecords('second', 50);
    await until('the new topic is full', 180_000, () => log.append(records).then(() => true));
    reader.settles = true;
    for (const delivery of reader.delivered) delivery.settle(stored);
    const read = () => new Set(reader.delivered.map(({ value }) => textOf(value)));
    await until(
      'all is committed',
      180_000,
      async () => (await reader.partitions()).length === 1 && (await reader.lag()) === 0,
    );
    expect(records.filter(({ value }) => !read().has(textOf(value)))).toEqual([]);
    await reader.close();
  });
});
