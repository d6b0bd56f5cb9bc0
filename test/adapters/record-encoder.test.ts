// The encoder of Kafka records writes what the client library's own writes, and takes its place.

import { createRequire } from 'node:module';
import fc from 'fast-check';
import kafkajs from 'kafkajs';
import { expect, test } from 'vitest';
import { openKafkajs } from '../../kafka/kafkajs/kafkajs-client.ts';
import { encodeRecord } from '../../kafka/kafkajs/record-encoder.ts';

const require = createRequire(import.meta.url);
const path = 'kafkajs/src/protocol/recordBatch/record/v0';
// As the library ships it, whatever this process has put in its place.
delete require.cache[require.resolve(path)];
const own: typeof encodeRecord = require(path);

const none = (): void => undefined;
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const number = (max: number) => fc.oneof(fc.integer({ min: -200, max: 200 }), fc.integer({ max }));
const message = fc.record(
  {
    offsetDelta: fc.nat(100_000),
    timestampDelta: number(2 ** 31 - 1).map((ms) => ms * 1000),
    key: fc.option(bytes),
    value: fc.option(bytes),
    headers: fc.dictionary(fc.string({ maxLength: 10 }), fc.oneof(bytes, fc.array(bytes))),
  },
  { requiredKeys: [] },
);

test('every record has the bytes that the client library gives it', () => {
  fc.assert(
    fc.property(message, (record) => {
      expect(encodeRecord(record).buffer.equals(own(record).buffer)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test('the client library uses it', () => {
  openKafkajs({
    brokers: ['127.0.0.1:9'],
    ssl: false,
    sasl: null,
    clientId: 'test',
    log: { trace: none, debug: none, info: none, warn: none, error: none },
  });
  // One instance of the library, whose requests are loaded when the first of them is made.
  expect(require('kafkajs')).toBe(kafkajs);
  expect(require(path)).toBe(encodeRecord);
});
