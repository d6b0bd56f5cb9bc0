// Members of a consumer group join, leave and pause: no event is lost, no in-flight event is
// delivered twice, and no lost partition is committed.

import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStatus, type DeadLetter, type LogRecord } from '#core/ports.ts';
import { openKafkaClient, withAdmin } from '../../kafka/kafka-client.ts';
import { compressions } from '../../kafka/kafka-settings.ts';
import { createKafkaSink, sinkDefaults } from '../../kafka/kafka-sink.ts';
import { ensureTopic } from '../../kafka/kafka-topics.ts';
import { noKafka, startKafkaBroker, type KafkaBroker } from '../helpers/kafka-broker.ts';
import { until } from '../helpers/until.ts';
import {
  cuttable,
  kafkaDeadLetters,
  kafkaTopic,
  onlyTopic,
  testSessionMs,
} from './kafka-harness.ts';
import { KafkaReader, placeOf, stored } from './kafka-reader.ts';

const reason = await noKafka();
const utf8 = new TextEncoder();
const recordsOf = (count: number, from = 0): LogRecord[] =>
  Array.from({ length: count }, (_, i) => ({
    key: utf8.encode(`key-${i % 60}`),
    value: utf8.encode(`value ${from + i}`),
    headers: {},
    timestamp: 1_700_000_000_000,
  }));
const deadLetterOf = (offset: number, value: Uint8Array): DeadLetter => ({
  id: `00000000-0000-5000-8000-00000000000${offset}`,
  origin: { topic: 'events', partition: 0, offset },
  key: null,
  value,
  headers: {},
  timestamp: 5,
  reason: 'invalid_event',
  message: 'm',
  field: null,
  eventId: null,
  failedAt: 1_700_000_000_000 + offset,
  attempts: 1,
  runner: null,
});
const partitions = 6;

/** Resolves when the member gets more events. */
function getsMore(reader: KafkaReader): Promise<unknown> {
  const before = reader.delivered.length;
  return until('a member gets events', 180_000, () => reader.delivered.length > before);
}

describe.skipIf(reason !== null)('a consumer group on a real broker', () => {
  let broker: KafkaBroker;
  beforeAll(async () => {
    broker = await startKafkaBroker();
  });
  afterAll(() => broker[Symbol.asyncDispose]());
  const topicOf = (options: { partitions: number; unsettledMax?: number }) =>
    kafkaTopic(broker, options, randomUUID());

  it('a second member takes half; the first keeps what it has in flight of its half', async () => {
    await using log = topicOf({ partitions });
    const positions = await log.append(recordsOf(600));
    const first = new KafkaReader(await log.open('group'), false);
    await until(
      'everything is delivered',
      180_000,
      () => first.delivered.length === positions.length,
    );
    const second = new KafkaReader(await log.open('group'), false);
    await until(
      'the partitions are shared',
      180_000,
      async () =>
        (await first.partitions()).length === 3 && (await second.partitions()).length === 3,
    );
    const [kept, lost] = [await first.partitions(), await second.partitions()];
    expect(new Set([...kept, ...lost]).size).toBe(partitions);
    const ofLost = positions.filter(({ partition }) => lost.includes(partition));
    await until(
      'the second has what the first lost',
      180_000,
      () => second.delivered.length === ofLost.length,
    );
    expect(first.source.unsettled()).toBe(positions.length - ofLost.length);

    // Late settles of lost partitions change nothing: the second still has all of their events.
    for (const delivery of first.delivered) delivery.settle(stored);
    await until('the first has committed', 180_000, async () => (await first.lag()) === 0);
    expect(await second.lag()).toBe(ofLost.length);
    expect(second.source.unsettled()).toBe(ofLost.length);

    first.settles = true;
    const more = await log.append(recordsOf(120, 600));
    await until(
      'both continue',
      180_000,
      () =>
        first.delivered.length + second.delivered.length ===
        positions.length + ofLost.length + more.length,
    );
    expect(new Set(first.places()).size).toBe(first.delivered.length);
    expect(new Set(second.places()).size).toBe(second.delivered.length);
    for (const delivery of second.delivered) delivery.settle(stored);
    await until(
      'everything is committed',
      180_000,
      async () => (await first.lag()) + (await second.lag()) === 0,
    );
    await Promise.all([first.close(), second.close()]);
  });

  it('three members join and leave: each event is settled, and few come twice', async () => {
    await using log = topicOf({ partitions });
    const readers: KafkaReader[] = [];
    const join = async (): Promise<KafkaReader> => {
      const reader = new KafkaReader(await log.open('group'), true);
      readers.push(reader);
      return reader;
    };
    const positions: string[] = [];
    const enough = new AbortController();
    const streaming = (async () => {
      for (let from = 0; !enough.signal.aborted; from += 30)
        positions.push(...(await log.append(recordsOf(30, from))).map(placeOf));
    })();
    const first = await join();
    await getsMore(first);
    const second = await join();
    await getsMore(second);
    const third = await join();
    await getsMore(third);
    await first.close();
    await getsMore(second);
    const fourth = await join();
    await getsMore(fourth);
    await third.close();
    await getsMore(second);
    enough.abort();
    await streaming;
    await until(
      'everything is committed',
      180_000,
      async () =>
        (await second.lag()) + (await fourth.lag()) === 0 &&
        (await second.partitions()).length + (await fourth.partitions()).length === partitions,
    );
    const settled = new Map<string, number>();
    for (const place of readers.flatMap((reader) => reader.places()))
      settled.set(place, (settled.get(place) ?? 0) + 1);
    expect(positions.filter((place) => !settled.has(place))).toEqual([]);
    // A member that leaves in good order has committed. In a rebalance the last commit may come too
    // late for events that were settled in that moment.
    expect([...settled.values()].filter((times) => times > 1).length).toBeLessThan(
      positions.length / 10,
    );
    await Promise.all([second.close(), fourth.close()]);
  });

  it('a member stays in the group while all its partitions pause, and then continues', async () => {
    await using log = topicOf({ partitions: 2, unsettledMax: 20 });
    const positions = await log.append(recordsOf(120));
    const source = await log.open('group', { fetchedBytesMax: 1 });
    const reader = new KafkaReader(source, false);
    await until('the bound is reached', 180_000, () => reader.delivered.length === 40);
    const since = performance.now();
    await until('several sessions have passed', 20 * testSessionMs, async () => {
      expect(source.health()).toBeNull();
      expect(reader.delivered.length).toBe(40);
      return performance.now() - since > 4 * testSessionMs && (await reader.lag()) === 120;
    });
    reader.settles = true;
    for (const delivery of reader.delivered) delivery.settle(stored);
    await until('everything is committed', 180_000, async () => (await reader.lag()) === 0);
    expect(reader.places().toSorted()).toEqual(positions.map(placeOf).toSorted());
    await reader.close();
  });

  it('a record is delivered at once, and a stop is quick', async () => {
    await using log = topicOf({ partitions });
    await log.append(recordsOf(1));
    const reader = new KafkaReader(await log.open('group'), false);
    await until('it has joined', 180_000, () => reader.delivered.length === 1);
    const waits: number[] = [];
    for (let i = 0; i < 10; i++) {
      await log.append(recordsOf(1, i));
      const since = performance.now();
      await until('the record is delivered', 180_000, () => reader.delivered.length === i + 2);
      waits.push(performance.now() - since);
    }
    expect(waits.toSorted((a, b) => a - b)[5]).toBeLessThan(300);
    const since = performance.now();
    await reader.close();
    expect(performance.now() - since).toBeLessThan(3_000);
  });

  it('a member that must be alone ends when it finds another, which continues', async () => {
    await using log = topicOf({ partitions });
    const first = new KafkaReader(await log.open('group', { alone: true }), true);
    await log.append(recordsOf(60));
    await until('the first gets all events', 180_000, () => first.delivered.length === 60);
    const second = new KafkaReader(await log.open('group', { alone: true }), true);
    await expect(second.finished).rejects.toThrow(
      /has 2 members, but a gateway with the embedded store must be its only one.*KAFKA_GROUP_ID/,
    );
    expect(second.delivered).toEqual([]);
    await second.close();
    await log.append(recordsOf(60, 60));
    await until(
      'the first continues',
      180_000,
      async () => new Set(first.places()).size === 120 && (await first.lag()) === 0,
    );
    await first.close();
  });

  it('a missing topic that may not be created is reported until it exists', async () => {
    const name = randomUUID();
    await using log = kafkaTopic(broker, { partitions: 1 }, name);
    const plan = { topic: log.topic, partitions: 1, config: {}, mayCreate: false };
    const reader = new KafkaReader(await log.open('group', { topics: onlyTopic(plan) }), true);
    await until(
      'health says so',
      180_000,
      () => reader.source.health()?.includes(`Kafka has no topic ${log.topic}: create it`) === true,
    );
    await log.append(recordsOf(3));
    await until('it is read', 180_000, () => reader.delivered.length === 3);
    expect(reader.source.health()).toBeNull();
    await reader.close();
  });

  it('a recreated topic is read from its beginning', async () => {
    await using log = topicOf({ partitions: 1 });
    await log.append(recordsOf(50));
    const reader = new KafkaReader(await log.open('group'), true);
    await until('it is read', 180_000, () => reader.delivered.length === 50);
    const plan = { topic: log.topic, partitions: 1, config: {}, mayCreate: true };
    await withAdmin(openKafkaClient(cuttable(broker.brokers)), async (admin) => {
      await admin.deleteTopics([log.topic]);
      // The reader creates the topic too; either may be first.
      await until('it is recreated', 180_000, async () => {
        await ensureTopic(admin, plan);
        return (await admin.topicEnds(log.topic)).every(({ high }) => high === 0);
      });
    });
    const again = kafkaSinkOf(log.topic);
    await until('it can be written to', 180_000, () =>
      again.append(recordsOf(5, 1_000)).then(() => true),
    );
    await until('the new records are read', 180_000, () => reader.delivered.length >= 55);
    expect(reader.delivered.slice(50).map(({ value }) => new TextDecoder().decode(value))).toEqual(
      [0, 1, 2, 3, 4].map((i) => `value ${1_000 + i}`),
    );
    await again[Symbol.asyncDispose]();
    await reader.close();
  });

  const kafkaSinkOf = (topic: string, options = {}) =>
    createKafkaSink({
      ...sinkDefaults,
      connection: cuttable(broker.brokers),
      topic: { topic, partitions: 1, config: {}, mayCreate: true },
      ...options,
    });

  it.each(compressions)(
    '%s: the broker reads what this client compresses, and vice versa',
    async (compression) => {
      const records = Array.from({ length: 300 }, (_, i): LogRecord => ({
        key: utf8.encode(`k${i}`),
        value: utf8.encode(`{"n":${i},"name":"Red kettle no. ${i % 5}"}`),
        headers: { h: utf8.encode('v') },
        timestamp: 1_700_000_000_000 + i,
      }));
      for (const [wire, kept] of [
        [compression, 'uncompressed'],
        ['none', compression === 'none' ? 'uncompressed' : compression],
      ] as const) {
        await using log = kafkaTopic(broker, { partitions: 1 }, randomUUID());
        const topic = {
          topic: log.topic,
          partitions: 1,
          config: { 'compression.type': kept },
          mayCreate: true,
        };
        const sink = kafkaSinkOf(log.topic, { compression: wire, topic });
        await sink.append(records);
        const reader = new KafkaReader(await log.open('group'), true);
        await until('it is read', 180_000, () => reader.delivered.length === records.length);
        expect(
          reader.delivered.map(({ value, timestamp }) => [
            new TextDecoder().decode(value),
            timestamp,
          ]),
        ).toEqual(
          records.map(({ value, timestamp }) => [new TextDecoder().decode(value), timestamp]),
        );
        await Promise.all([reader.close(), sink[Symbol.asyncDispose]()]);
      }
    },
  );

  it('a refused record fails only its own append; the bound holds', async () => {
    const sink = kafkaSinkOf(`events-${randomUUID()}`, { bytesMax: 4 * 2 ** 20 });
    const large: LogRecord = {
      key: null,
      value: new Uint8Array(3 * 2 ** 20),
      headers: {},
      timestamp: 1_700_000_000_000,
    };
    const appends = await Promise.allSettled([
      sink.append(recordsOf(2)),
      sink.append([large]),
      sink.append(recordsOf(3)),
      sink.append([large]),
    ]);
    expect(appends.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
    ]);
    expect(appends[1]).toMatchObject({
      reason: { code: 'kafka_message_too_large', retryable: false },
    });
    expect(appends[3]).toMatchObject({ reason: { code: 'log_full', retryable: true } });
    expect((await sink.append(recordsOf(1)))[0]?.offset).toBe(5);
    await sink[Symbol.asyncDispose]();
    await expect(sink.append(recordsOf(1))).rejects.toThrow('is closed');
  });

  it('every gateway sees all dead letters; one too large for its topic is cut', async () => {
    await using harness = kafkaDeadLetters(broker, randomUUID());
    const [one, other] = [await harness.open(), await harness.open()];
    const [small, large] = [
      deadLetterOf(1, utf8.encode('small')),
      deadLetterOf(2, randomBytes(3 * 2 ** 20)),
    ];
    await one.put([small, large]);
    await until(
      'the other sees them',
      180_000,
      async () => (await other.list({ limit: 10, valueBytesMax: 2 ** 20 })).length === 2,
    );
    expect(
      (await other.list({ limit: 10, valueBytesMax: 2 ** 20 })).map(({ value, valueBytes }) => [
        value.length,
        valueBytes,
      ]),
    ).toEqual([
      [512 * 1024, 3 * 2 ** 20],
      [5, 5],
    ]);
    await other.setStatus([{ id: small.id, status: { ...openStatus, state: 'replayed' } }]);
    await until(
      'the first sees the state',
      180_000,
      async () => (await one.get(small.id))?.state === 'replayed',
    );
    const third = await harness.open();
    expect(
      (await third.list({ state: 'replayed', limit: 10, valueBytesMax: 0 })).map(({ id }) => id),
    ).toEqual([small.id]);
    expect((await third.stats()).byState).toEqual({ open: 1, replayed: 1, purged: 0 });
  });
});
