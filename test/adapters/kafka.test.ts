// On a real broker the Kafka adapters keep every guarantee of their ports.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe } from 'vitest';
import { deadLettersConformance } from '../conformance/dead-letters.ts';
import { eventSourceConformance } from '../conformance/event-source.ts';
import { noKafka, startKafkaBroker, type KafkaBroker } from '../helpers/kafka-broker.ts';
import { kafkaDeadLetters, kafkaTopic } from './kafka-harness.ts';

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
  deadLettersConformance('kafka', async () => kafkaDeadLetters(broker, randomUUID()));
});
