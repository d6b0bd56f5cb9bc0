// Records with a schema id are read by the schema that a registry has for it. While the registry is
// down, they wait, and nothing is dead-lettered.

import avsc from 'avsc';
import { describe, expect, test } from 'vitest';
import { readRecord } from '#core/decode/read-record.ts';
import type { RecordSchema, SchemaRegistry } from '#core/decode/record-schema.ts';
import { nothingErased } from '#core/erasure/tombstones.ts';
import { DependencyError } from '#core/errors/errors.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import { noMappings } from '#core/mapping/record-mapping.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryDeadLetters } from '#core/memory/memory-dead-letters.ts';
import { createMemoryLog } from '#core/memory/memory-log.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { defaultPipelineLimits, runPipeline } from '#core/pipeline/pipeline.ts';
import { recordSchemaOf } from '../../gateway/decode/registered-schema.ts';
import { dimensions, fakeVector } from '../helpers/fake-model.ts';
import { withId } from '../helpers/registry-double.ts';
import { silentObserver } from '../helpers/silent-observer.ts';

const startsAt = Date.UTC(2026, 10, 23, 12);
const product = {
  type: 'record',
  name: 'Product',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'name', type: 'string' },
    { name: 'price', type: 'float' },
  ],
} as const;
const fields = [
  { name: 'event_id', type: 'string' },
  { name: 'timestamp', type: { type: 'long', logicalType: 'timestamp-millis' } },
  { name: 'user_id', type: 'long' },
  { name: 'session_id', type: ['null', 'string'] },
  { name: 'event_type', type: { type: 'enum', name: 'Kind', symbols: ['VIEW', 'PURCHASE'] } },
  { name: 'product', type: product },
] as const;
const eventSchema = { type: 'record', name: 'Event', fields } as const;
const eventType = avsc.Type.forSchema(JSON.parse(JSON.stringify(eventSchema)));
const rowSchema = {
  type: 'record',
  name: 'Envelope',
  fields: [
    { name: 'before', type: ['null', eventSchema] },
    { name: 'after', type: ['null', 'Event'] },
    { name: 'op', type: 'string' },
  ],
} as const;
const rowType = avsc.Type.forSchema(JSON.parse(JSON.stringify(rowSchema)));

const event = (id: string) => ({
  event_id: id,
  timestamp: startsAt - 1,
  user_id: 7,
  session_id: null,
  event_type: 'VIEW',
  product: { id: 'p', name: `Lamp ${id}`, price: 19.9 },
});
const avro = (schema: object): RecordSchema =>
  recordSchemaOf({ name: '', type: 'AVRO', text: JSON.stringify(schema), references: [] });
const unknown: RecordSchema = { format: 'unknown', why: 'which nobody has' };
const logRecord = (value: Uint8Array) => ({ key: null, value, headers: {}, timestamp: startsAt });

function read(value: Uint8Array, schema: RecordSchema) {
  const position = { topic: 'shop', partition: 0, offset: 1 };
  const rules = { now: startsAt, limits: eventLimits, mappings: noMappings };
  const [part] = readRecord({ ...logRecord(value), position }, rules, schema);
  return part?.read;
}

const row = (after: unknown, op: string) =>
  read(withId(9, rowType.toBuffer({ before: null, after, op })), avro(rowSchema));

describe('a record with a schema id', () => {
  test('in Avro is the event in it, in the form of JSON', () => {
    const found = read(withId(9, eventType.toBuffer(event('e-1'))), avro(eventSchema));
    expect(found).toMatchObject({ changes: ['avro', 'numeric_id', 'event_type', 'session_id'] });
    const payload = found !== undefined && 'event' in found ? found.event.payload : '';
    expect(JSON.parse(payload)).toMatchObject({
      ...event('e-1'),
      timestamp: '2026-11-23T11:59:59.999Z',
      user_id: '7',
      event_type: 'view',
      session_id: expect.any(String),
    });
  });

  test('in the envelope of Debezium is the row after the change, or none', () => {
    expect(row(event('e-1'), 'c')).toMatchObject({
      event: { eventId: 'e-1' },
      changes: expect.arrayContaining(['avro', 'change_event']),
    });
    expect(row(null, 'd')).toEqual({ ignored: 'delete' });
  });

  test('that does not fit its schema says which, and what is wrong', () => {
    expect(read(withId(9, [2, 0x61]), avro(eventSchema))).toMatchObject({
      reason: 'not_json',
      message:
        'event: got bytes that do not fit their schema 9 (avro): the bytes end too early, ' +
        'allowed: what this schema describes',
    });
  });

  test('whose schema is not there says so, and JSON is read without it', () => {
    const message = expect.stringMatching(/got the schema id 9, which nobody has, allowed: Avro/);
    expect(read(withId(9, [2, 0x61]), unknown)).toMatchObject({ reason: 'not_json', message });
    const own = { ...event('e-1'), timestamp: '2026-11-23T11:00:00Z' };
    const json = withId(9, new TextEncoder().encode(JSON.stringify(own)));
    for (const schema of [unknown, { format: 'json' as const }])
      expect(read(json, schema)).toMatchObject({ event: { eventId: 'e-1' } });
  });

  test('of more bytes than allowed is too large, whatever its schema', () => {
    expect(read(withId(9, new Uint8Array(300_000)), avro(eventSchema))).toMatchObject({
      reason: 'too_large',
    });
  });
});

test('while the registry is down, records wait and nothing is dead-lettered', async () => {
  const clock = new ManualClock(startsAt);
  const now = () => clock.now();
  const store = createMemoryStore({ dimensions, now, batchMax: { texts: 5, events: 9 } });
  const deadLetters = createMemoryDeadLetters();
  const log = createMemoryLog({ partitions: 1, unsettledMax: 500, batchMax: 10 });
  const values = Array.from({ length: 100 }, (_, at) =>
    withId(at % 2, at === 50 ? [1] : eventType.toBuffer(event(`e-${at}`))),
  );
  await log.sink.append(values.map(logRecord));

  let isDown = true;
  const answers = new Map<number, RecordSchema>();
  const schemas: SchemaRegistry = {
    known: (id) => answers.get(id) ?? null,
    fetch(id) {
      if (isDown)
        return Promise.reject(
          new DependencyError('schema_registry', 'down', 'It is down.', { retryable: true }),
        );
      answers.set(id, avro(eventSchema));
      return Promise.resolve(avro(eventSchema));
    },
  };
  const circuits: string[] = [];
  const stop = new AbortController();
  const source = log.source('group');
  const running = runPipeline({
    erased: nothingErased,
    source,
    store,
    deadLetters,
    embedding: {
      embed: (text) =>
        Promise.resolve({
          ok: true,
          embedding: {
            vector: fakeVector(text),
            provenance: {
              runnerSession: 's',
              runnerName: 'r',
              device: 'cpu',
              dtype: 'fp32',
              embeddedAt: startsAt,
              checkedAt: startsAt,
            },
          },
        }),
    },
    clock,
    random: () => 0.5,
    limits: { ...defaultPipelineLimits, event: eventLimits, schemas },
    observer: {
      ...silentObserver,
      circuit: (dependency, state) => circuits.push(`${dependency} ${state}`),
    },
    isDistrusted: () => false,
    signal: stop.signal,
  });
  for (let step = 0; step < 3_000; step++) await clock.advance(10);
  expect(circuits[0]).toBe('schema_registry open');
  expect((await store.counts()).events).toBe(0);
  expect((await deadLetters.stats()).byState.open).toBe(0);
  // The intake takes no more than it can hold.
  expect(source.unsettled()).toBeLessThanOrEqual(100);

  isDown = false;
  for (let step = 0; source.unsettled() > 0 && step < 10_000; step++) await clock.advance(10);
  expect((await store.counts()).events).toBe(99);
  expect((await deadLetters.stats()).byReason).toEqual({ not_json: 1 });
  expect(circuits.at(-1)).toBe('schema_registry closed');
  stop.abort();
  await running;
});
