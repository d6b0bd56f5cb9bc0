// One group reads several topics of a real broker: those that are named, those that match a
// pattern, also when they are made later, and each from where the group is to begin.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LogRecord } from '#core/ports.ts';
import type { StartFrom } from '../../gateway/kafka/group-start.ts';
import { noKafka, startKafkaBroker, type KafkaBroker } from '../helpers/kafka-broker.ts';
import { until } from '../helpers/until.ts';
import { kafkaTopic } from './kafka-harness.ts';
import { KafkaReader } from './kafka-reader.ts';

const reason = await noKafka();
const day = 86_400_000;
const firstDay = Date.UTC(2026, 0, 1);
const recordsOf = (...names: readonly string[]): LogRecord[] =>
  names.map((name, index) => ({
    key: null,
    value: new TextEncoder().encode(name),
    headers: {},
    timestamp: firstDay + index * day,
  }));
const readBy = (reader: KafkaReader): readonly string[] =>
  reader.delivered.map(({ value }) => new TextDecoder().decode(value)).toSorted();

const caughtUp = async (reader: KafkaReader): Promise<boolean> =>
  (await reader.source.lag().catch(() => null))?.every(({ lag }) => lag === 0) === true;
const held = async (reader: KafkaReader): Promise<number> =>
  (await reader.source.lag().catch(() => [])).length;

describe.skipIf(reason !== null)('a consumer group with several topics', () => {
  let broker: KafkaBroker;
  beforeAll(async () => {
    broker = await startKafkaBroker();
  });
  afterAll(() => broker[Symbol.asyncDispose]());

  /** Makes topics whose names match one pattern, and opens members of one group that reads them. */
  function topicsOf(from: StartFrom = 'earliest') {
    const shop = randomUUID();
    const topics: ReturnType<typeof kafkaTopic>[] = [];
    const topic = (name: string) => {
      const made = kafkaTopic(broker, { partitions: 3 }, `${shop}-${name}`);
      topics.push(made);
      return made;
    };
    const own = topic('own');
    return {
      own,
      topic,
      async open(): Promise<KafkaReader> {
        const plan = { topic: own.topic, partitions: 3, config: {}, mayCreate: true };
        const pattern = new RegExp(`^events-${shop}-.+$`);
        const written = [`events-${shop}-written`];
        const choice = { named: [plan], patterns: [pattern], written };
        const source = await own.open('group', { topics: choice, from, newTopicsMs: 200 });
        return new KafkaReader(source, true);
      },
      async [Symbol.asyncDispose](): Promise<void> {
        await Promise.all(topics.map((each) => each[Symbol.asyncDispose]()));
      },
    };
  }
  it('reads named and matching topics, and a new one that matches, each record once', async () => {
    await using shop = topicsOf();
    await shop.own.append(recordsOf('a', 'b', 'c', 'd'));
    await shop.topic('orders').append(recordsOf('e', 'f'));
    await shop.topic('written').append(recordsOf('written by the gateway'));
    const reader = await shop.open();
    await until('both are read', 180_000, () => reader.delivered.length === 6);
    const late = shop.topic('late');
    await late.append(recordsOf('g', 'h'));
    await until('the new one is read', 180_000, () => reader.delivered.length === 8);
    await until('all is committed', 180_000, () => caughtUp(reader));
    expect(readBy(reader)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
    const lag = await reader.source.lag();
    expect(Map.groupBy(lag, ({ topic }) => topic).get(late.topic)).toHaveLength(3);
    await reader.close();

    const next = await shop.open();
    await shop.own.append(recordsOf('i'));
    await until('the next member reads on', 180_000, () => next.delivered.length === 1);
    expect(readBy(next)).toEqual(['i']);
    await next.close();
  });

  it('two members share the partitions of all topics', async () => {
    await using shop = topicsOf();
    const orders = shop.topic('orders');
    await orders.append(recordsOf('a'));
    const [first, second] = [await shop.open(), await shop.open()];
    await until(
      'each has half',
      180_000,
      async () => (await held(first)) === 3 && (await held(second)) === 3,
    );
    await shop.own.append(recordsOf('b', 'c', 'd', 'e', 'f', 'g'));
    await orders.append(recordsOf('h', 'i', 'j', 'k', 'l', 'm'));
    const all = (): readonly string[] => [...readBy(first), ...readBy(second)];
    await until('all are read', 180_000, () => new Set(all()).size === 13);
    expect(await held(first)).toBe(3);
    await Promise.all([first.close(), second.close()]);
  });

  it('"latest" skips what is there at the first start, and nothing after it', async () => {
    await using shop = topicsOf('latest');
    const orders = shop.topic('orders');
    await shop.own.append(recordsOf('old', 'old', 'old'));
    await orders.append(recordsOf('old', 'old', 'old'));
    const reader = await shop.open();
    await until('it is at the end', 180_000, () => caughtUp(reader));
    expect(reader.delivered).toEqual([]);
    // Nothing was read, and yet the next member must not begin anew.
    await reader.close();
    await shop.own.append(recordsOf('a', 'b', 'c'));
    await orders.append(recordsOf('d', 'e', 'f'));
    const next = await shop.open();
    await until('what came meanwhile is read', 180_000, () => next.delivered.length === 6);
    await shop.topic('late').append(recordsOf('g', 'h'));
    await until('a new topic is read from its start', 180_000, () => next.delivered.length === 8);
    expect(readBy(next)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
    await next.close();
  });

  it('a time begins at the first record since then in each partition', async () => {
    await using shop = topicsOf(firstDay + day);
    const names = ['2026-01-01', '2026-01-02', '2026-01-03'];
    const sameKey = recordsOf(...names).map((record) => ({
      ...record,
      key: record.value.slice(0, 4),
    }));
    await shop.own.append(sameKey);
    await shop.topic('orders').append(sameKey);
    const reader = await shop.open();
    await until('it has read to the end', 180_000, () => reader.delivered.length === 4);
    await until('all is committed', 180_000, () => caughtUp(reader));
    expect(readBy(reader)).toEqual(['2026-01-02', '2026-01-02', '2026-01-03', '2026-01-03']);
    await reader.close();
  });
});
