// On a real broker the Kafka adapters keep every guarantee of their ports.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRecord } from '#core/decode/read-record.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import { noMappings } from '#core/mapping/record-mapping.ts';
import { openKafka } from '../../kafka/kafka-client.ts';
import { deadLettersConformance } from '../conformance/dead-letters.ts';
import { eventSourceConformance } from '../conformance/event-source.ts';
import { noKafka, startKafkaBroker, type KafkaBroker } from '../helpers/kafka-broker.ts';
import { until } from '../helpers/until.ts';
import { cuttable, kafkaDeadLetters, kafkaTopic } from './kafka-harness.ts';
import { KafkaReader } from './kafka-reader.ts';

const reason = await noKafka();

describe.skipIf(reason !== null)('on a real broker', () => {
  let broker: KafkaBroker;
  beforeAll(async () => {
    broker = await startKafkaBroker();
  }, 90_000);
  afterAll(() => broker[Symbol.asyncDispose]());

  eventSourceConformance('kafka', async ({ partitions, unsettledMax }) =>
    kafkaTopic(broker, { partitions, unsettledMax }, randomUUID()),
  );
  it('a null value is a tombstone, an empty one is not; an array has several events', async () => {
    await using log = kafkaTopic(broker, { partitions: 1 }, randomUUID());
    await log.append([
      { key: null, value: new TextEncoder().encode('[1, 2]'), headers: {}, timestamp: 1 },
    ]);
    const producer = openKafka(cuttable(broker.brokers)).producer();
    await producer.connect();
    const messages = [{ key: 'k', value: null }, { value: Buffer.alloc(0) }];
    await producer.send({ topic: log.topic, messages });
    await producer.disconnect();
    const reader = new KafkaReader(await log.open('group'), true);
    await until('all are read', 60_000, () => reader.delivered.length === 3);
    const rules = { now: Date.now(), limits: eventLimits, mappings: noMappings };
    const parts = reader.delivered.map((delivery) => readRecord(delivery, rules));
    await reader.close();
    expect(parts).toMatchObject([
      [{ piece: { index: '0' } }, { piece: { index: '1' } }],
      [{ read: { ignored: 'tombstone' } }],
      [{ read: { reason: 'not_json' } }],
    ]);
  }, 60_000);

  deadLettersConformance('kafka', async () => kafkaDeadLetters(broker, randomUUID()));
});
