// A topic that is deleted and recreated starts at offset 0 again, and loses nothing.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventLimits } from '#core/event/parse-event.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { defaultPipelineLimits, runPipeline } from '#core/pipeline/pipeline.ts';
import type { DeadLetters, EventSource, LogRecord } from '#core/ports.ts';
import { systemClock } from '#core/time/clock.ts';
import { openKafka, withAdmin } from '../../kafka/kafka-client.ts';
import { noKafka, startKafkaBroker, type KafkaBroker } from '../helpers/kafka-broker.ts';
import { until } from '../helpers/until.ts';
import { cuttable, kafkaDeadLetters, kafkaTopic } from './kafka-harness.ts';

const reason = await noKafka();
const utf8 = new TextEncoder();
const badRecords = (life: string): LogRecord[] =>
  Array.from({ length: 300 }, (_, i) => ({
    key: utf8.encode(`key ${i % 10}`),
    value: utf8.encode(`not JSON: ${life} ${i}`),
    headers: {},
    timestamp: 1_700_000_000_000,
  }));

const silent = {
  received: () => undefined,
  stored: () => undefined,
  superseded: () => undefined,
  deadLettered: () => undefined,
  cacheRequest: () => undefined,
  storeWrite: () => undefined,
  retried: () => undefined,
  circuit: () => undefined,
};

/** Runs until everything in the source is settled. */
async function drain(source: EventSource, deadLetters: DeadLetters): Promise<void> {
  const stop = new AbortController();
  let received = 0;
  const pipeline = runPipeline({
    source,
    store: createMemoryStore({ dimensions: 4, now: () => Date.now() }),
    deadLetters,
    embedding: { embed: () => Promise.reject(new Error('No valid event was sent.')) },
    isDistrusted: () => false,
    clock: systemClock,
    random: Math.random,
    limits: { ...defaultPipelineLimits, event: eventLimits },
    observer: { ...silent, received: (count: number) => void (received += count) },
    signal: stop.signal,
  });
  await until(
    'all is settled',
    20_000,
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
  }, 90_000);
  afterAll(() => broker[Symbol.asyncDispose]());

  it('has each of its bad records dead-lettered, even at offsets of earlier dead deadLetters', async () => {
    const name = randomUUID();
    await using deadLetters = kafkaDeadLetters(broker, name);
    const queue = await deadLetters.open();
    for (const life of ['first', 'second']) {
      await using log = kafkaTopic(broker, { partitions: 1 }, name);
      await log.append(badRecords(life));
      await drain(await log.open('group'), queue);
      await withAdmin(openKafka(cuttable(broker.brokers)), async (admin) => {
        await admin.deleteTopics({ topics: [log.topic] });
        await until('the topic is gone', 20_000, async () => {
          const topics = await admin.listTopics();
          return !topics.includes(log.topic);
        });
      });
    }
    const listed = await queue.list({ limit: 1_000, valueBytesMax: 100 });
    expect(listed.map(({ value }) => new TextDecoder().decode(value)).toSorted()).toEqual(
      ['first', 'second']
        .flatMap(badRecords)
        .map(({ value }) => new TextDecoder().decode(value))
        .toSorted(),
    );
  }, 60_000);
});
