// The broker stops and starts again: sources and sinks wait, report it, and continue by themselves,
// with nothing lost.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DependencyError } from '#core/errors/errors.ts';
import type { LogRecord, Position } from '#core/ports.ts';
import { noKafka, startKafkaBroker, type KafkaBroker } from '../helpers/kafka-broker.ts';
import { until } from '../helpers/until.ts';
import { kafkaDeadLetters, kafkaTopic } from './kafka-harness.ts';
import { KafkaReader, placeOf, stored } from './kafka-reader.ts';

const reason =
  (await noKafka()) ??
  (process.env['KAFKA_BROKERS'] ? 'these tests must not stop the broker of KAFKA_BROKERS' : null);
const utf8 = new TextEncoder();
const recordsOf = (count: number, from: number): LogRecord[] =>
  Array.from({ length: count }, (_, i) => ({
    key: utf8.encode(`key-${i % 60}`),
    value: utf8.encode(`value ${from + i}`),
    headers: {},
    timestamp: 1_700_000_000_000,
  }));

describe.skipIf(reason !== null)('a broker that stops', () => {
  let broker: KafkaBroker;
  beforeAll(async () => {
    broker = await startKafkaBroker();
  });
  afterAll(() => broker[Symbol.asyncDispose]());

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'in mid-stream by %s: in-flight records stay, all are read, and everything is committed',
    async (how) => {
      // Low limits, so that partitions pause before the outage and must resume during it. The
      // session is long enough that the group keeps this member on a busy machine; otherwise
      // in-flight records would be read again, because another member may have held the partitions.
      await using log = kafkaTopic(
        broker,
        { partitions: 6, unsettledMax: 100, fetchedBytesMax: 1, sessionMs: 6_000 },
        randomUUID(),
      );
      const reader = new KafkaReader(await log.open('group'), true);
      const acknowledged: Position[] = [];
      const failures: unknown[] = [];
      const stop = new AbortController();
      const streaming = (async () => {
        for (let from = 0; !stop.signal.aborted; from += 30) {
          await log.append(recordsOf(30, from)).then(
            (positions) => acknowledged.push(...positions),
            (error: unknown) => failures.push(error),
          );
        }
      })();
      await until('the stream runs', 180_000, () => reader.delivered.length > 500);
      // From here on nothing is settled.
      reader.settles = false;
      const before = reader.delivered.length;
      await until(
        'the limit of in-flight records is reached',
        180_000,
        () => reader.source.unsettled() === 600,
      );
      await broker.stop(how);
      await until(
        'health names it',
        180_000,
        () => reader.source.health()?.startsWith('Kafka:') === true,
      );
      expect(reader.source.unsettled()).toBe(600);
      // Settled while the broker is down: committed when it is back.
      for (const delivery of reader.delivered.slice(before)) delivery.settle(stored);
      reader.settles = true;
      await until('the sink reports it too', 180_000, () => failures.length > 0);
      stop.abort();
      await streaming;
      await broker.start();
      const isDone = () =>
        until(
          'everything is committed',
          180_000,
          async () =>
            reader.source.health() === null &&
            (await reader.lag()) === 0 &&
            reader.source.unsettled() === 0,
        );
      // Commits of earlier records need no new record.
      await isDone();
      acknowledged.push(...(await log.append(recordsOf(300, 1_000_000))));
      await isDone();
      const places = reader.places();
      expect(acknowledged.map(placeOf).filter((place) => !places.includes(place))).toEqual([]);
      // No other member held a partition meanwhile, so nothing was delivered twice.
      expect(new Set(places).size).toBe(places.length);
      expect(
        failures.filter((error) => !(error instanceof DependencyError && error.retryable)),
      ).toEqual([]);
      await reader.close();
    },
  );

  it('is awaited at the start by sources and dead letters, which can stop meanwhile', async () => {
    await broker.stop();
    await using log = kafkaTopic(broker, { partitions: 2 }, randomUUID());
    await using deadLetters = kafkaDeadLetters(broker, randomUUID());
    const stopped = new KafkaReader(await log.open('stopped'), true);
    const reader = new KafkaReader(await log.open('group'), true);
    const queue = await deadLetters.open();
    await until('health names it', 180_000, () =>
      /^Kafka: .*ECONNREFUSED/.test(reader.source.health() ?? ''),
    );
    await expect(queue.list({ limit: 1, valueBytesMax: 0 })).rejects.toMatchObject({
      name: 'DependencyError',
      retryable: true,
    });
    // A figure without an answer is unknown, and never 0.
    const unknown = { name: 'DependencyError', retryable: true };
    await expect(queue.stats()).rejects.toMatchObject(unknown);
    await expect(reader.source.lag()).rejects.toMatchObject(unknown);
    const since = performance.now();
    await stopped.close();
    expect(performance.now() - since).toBeLessThan(4_000);
    await broker.start();
    await log.append(recordsOf(10, 0));
    await until('the source reads', 180_000, () => reader.delivered.length === 10);
    expect(reader.source.health()).toBeNull();
    await until(
      'the dead letters are listed',
      180_000,
      async () => (await queue.list({ limit: 1, valueBytesMax: 0 })).length === 0,
    );
    await reader.close();
  });
});
