// On a real broker the Kafka adapters keep every guarantee of their ports.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRecord } from '#core/decode/read-record.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import { parseTopicMapping } from '#core/mapping/mapping.ts';
import { noMappings, recordMapping } from '#core/mapping/record-mapping.ts';
import { createMemoryDeadLetters } from '#core/memory/memory-dead-letters.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { openKafkajs } from '../../kafka/kafkajs/kafkajs-client.ts';
import { deadLettersConformance } from '../conformance/dead-letters.ts';
import { eventSourceConformance } from '../conformance/event-source.ts';
import { dimensions } from '../conformance/store-records.ts';
import { idsIn, sentEvent, startDeletingGateway } from '../helpers/deleting-gateway.ts';
import { noKafka, startKafkaBroker, type KafkaBroker } from '../helpers/kafka-broker.ts';
import { until } from '../helpers/until.ts';
import { cuttable, kafkaDeadLetters, kafkaTopic } from './kafka-harness.ts';
import { KafkaReader } from './kafka-reader.ts';

const reason = await noKafka();

describe.skipIf(reason !== null)('on a real broker', () => {
  let broker: KafkaBroker;
  beforeAll(async () => {
    broker = await startKafkaBroker();
  });
  afterAll(() => broker[Symbol.asyncDispose]());

  eventSourceConformance('kafka', async ({ partitions, unsettledMax }) =>
    kafkaTopic(broker, { partitions, unsettledMax }, randomUUID()),
  );
  it('a null value is a tombstone, an empty one is not; an array has several events', async () => {
    await using log = kafkaTopic(broker, { partitions: 1 }, randomUUID());
    await log.append([
      { key: null, value: new TextEncoder().encode('[1, 2]'), headers: {}, timestamp: 1 },
    ]);
    const producer = openKafkajs(cuttable(broker.brokers)).producer();
    await producer.connect();
    const messages = [{ key: 'k', value: null }, { value: Buffer.alloc(0) }];
    await producer.send({ topic: log.topic, messages });
    await producer.disconnect();
    const reader = new KafkaReader(await log.open('group'), true);
    await until('all are read', 180_000, () => reader.delivered.length === 3);
    const rules = { now: Date.now(), limits: eventLimits, mappings: noMappings };
    const parts = reader.delivered.map((delivery) => readRecord(delivery, rules));
    await reader.close();
    expect(parts).toMatchObject([
      [{ piece: { index: '0' } }, { piece: { index: '1' } }],
      [{ read: { ignored: 'tombstone' } }],
      [{ read: { reason: 'not_json' } }],
    ]);
  });

  it('what a null value deletes stays deleted when the whole topic is read again', async () => {
    await using log = kafkaTopic(broker, { partitions: 1 }, randomUUID());
    const tried = [recordMapping(parseTopicMapping({ delete_by: 'user_id' }, 'deletes'))];
    const now = Date.now();
    await log.append([
      sentEvent('e-1', { user: 'anna' }, now - 5),
      sentEvent('e-2', { user: 'guest', session: 'visit of anna' }, now - 5),
      sentEvent('e-3', {}, now - 5),
    ]);
    const memory = createMemoryStore({ dimensions });
    const store = { ...memory, erasureStore: { ...memory.erasureStore, settleMs: 0 } };
    const deadLetters = createMemoryDeadLetters();
    const read = async (group: string, records: number) => {
      const source = await log.open(group);
      const gateway = startDeletingGateway({ store, deadLetters, source, tried });
      await gateway.ended(records);
      await until('nobody is left to erase', 180_000, async () => {
        const requests = await store.erasureStore.openRequests();
        return requests.length === 0;
      });
      await gateway.stop();
      // Otherwise it may keep the only partition in the next rebalance.
      await source[Symbol.asyncDispose]();
      return gateway.counts;
    };
    await read('group', 3);
    const producer = openKafkajs(cuttable(broker.brokers)).producer();
    await producer.connect();
    const tombstone = { key: 'anna', value: null, timestamp: String(now) };
    await producer.send({ topic: log.topic, messages: [tombstone] });
    await producer.disconnect();
    await log.append([sentEvent('e-4', { user: 'anna', session: 's-2' }, now + 5)]);
    expect(await read('group', 2)).toMatchObject({ stored: 1, deleted: 1 });
    expect(await idsIn(store)).toEqual(['e-3', 'e-4']);
    expect(await read('again', 5)).toMatchObject({ stored: 2, erased: 2, deleted: 1 });
    expect(await idsIn(store)).toEqual(['e-3', 'e-4']);
  });

  deadLettersConformance('kafka', async () => kafkaDeadLetters(broker, randomUUID()));
});
