// Every kind of record that real topics hold is read as the events in it, ignored for a reason, or
// turned away with a reason that says what the bytes are and what to write.

import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readRecord } from '#core/decode/read-record.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import { refusedHeader, requestHeader } from '#core/event/record-id.ts';
import { noMappings } from '#core/mapping/record-mapping.ts';
import type { LogRecord } from '#core/ports.ts';
import { eventNow, wireEventArbitrary } from './event-arbitrary.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const joined = (...parts: readonly (string | readonly number[] | Uint8Array)[]) =>
  Uint8Array.from(parts.flatMap((part) => [...(typeof part === 'string' ? bytesOf(part) : part)]));
const headersOf = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, bytesOf(value)]));

/** What became of a record: one word or message for each of its parts. */
function read(value: Uint8Array | string | object, record: Partial<LogRecord> = {}, limits = {}) {
  const bytes =
    value instanceof Uint8Array
      ? value
      : bytesOf(typeof value === 'string' ? value : JSON.stringify(value));
  const parts = readRecord(
    {
      value: bytes,
      key: null,
      headers: {},
      timestamp: eventNow,
      position: { topic: 'shop', partition: 0, offset: 5 },
      ...record,
    },
    { now: eventNow, limits: { ...eventLimits, ...limits }, mappings: noMappings },
  );
  return parts.map(({ read: found, piece }) => {
    if ('ignored' in found) return { ignored: found.ignored };
    if ('deletes' in found) return { deletes: found.deletes };
    if ('reason' in found)
      return { reason: found.reason, message: found.message, field: found.field, piece };
    const { event, changes } = found;
    return { id: event.eventId, payload: event.payload, changes, piece };
  });
}

const own = (event_id = 'e-1') => ({
  event_id,
  timestamp: '2026-11-23T03:19:38Z',
  user_id: 'u1',
  event_type: 'view',
  session_id: 's1',
  product: { id: 'p', name: 'Lamp', price: 10.5 },
});
const json = JSON.stringify(own());
const { event_id: _, timestamp: __, ...bare } = own();
const source = { connector: 'postgresql', db: 'shop', table: 'events' };

describe('stored as the events in it', () => {
  test.each<[string, string | object, readonly string[]]>([
    ["VectorStream's event format", own(), []],
    ['with a byte-order mark', `\ufeff${json}`, []],
    ['JSON in JSON', JSON.stringify(json), ['double_encoded']],
    ['JSON with a schema id', joined([0, 0, 0, 0, 42], json), ['schema_id']],
    [
      'Debezium with a schema',
      { schema: {}, payload: { after: own(), op: 'c', source } },
      ['connect', 'change_event'],
    ],
    [
      'Debezium without a schema',
      { before: null, after: own(), op: 'r', source },
      ['change_event'],
    ],
    ['Debezium of MongoDB', { after: json, op: 'u', source }, ['change_event']],
    ['Debezium unwrapped', { ...own(), __op: 'c', __deleted: 'false' }, []],
    ['Kafka Connect with schemas', { schema: { type: 'struct' }, payload: own() }, ['connect']],
    [
      'a structured CloudEvent',
      { specversion: '1.0', id: '1', source: '/shop', type: 'com.shop.view', data: own() },
      ['cloud_event'],
    ],
  ])('%s', (_name, value, changes) => {
    expect(read(value)).toEqual([{ id: 'e-1', payload: expect.any(String), changes, piece: null }]);
  });

  test('MessagePack, by its own types', () => {
    const packed = joined(
      [0x86, 0xa8],
      'event_id',
      [0xa3],
      'e-1',
      [0xa9],
      'timestamp',
      [0xd7, 0xff],
      [0, 0, 0, 0, 0x6a, 0x22, 0x6a, 0x40],
      [0xa7],
      'user_id',
      [0xcf, 0x1d, 0x32, 0x5b, 0xc0, 0xd1, 0x8d, 0x46, 0x4c],
      [0xaa],
      'event_type',
      [0xa4],
      'view',
      [0xd9, 10],
      'session_id',
      [7],
      [0xa7],
      'product',
      [0x84, 0xa2],
      'id',
      [0xcd, 1, 0],
      [0xa4],
      'name',
      [0xa4],
      'Lamp',
      [0xa4],
      'size',
      [0xcb, 0x40, 0x25, 0, 0, 0, 0, 0, 0],
      [0xa5],
      'price',
      // 19.9 in 32 bits, which as a float of 64 bits is 19.899999618530273.
      [0xca, 0x41, 0x9f, 0x33, 0x33],
    );
    const [found] = read(packed);
    expect(found).toMatchObject({ id: 'e-1' });
    expect(JSON.parse(String(found?.payload))).toMatchObject({
      user_id: String(0x1d325bc0d18d464cn),
      session_id: '7',
      product: { id: '256', name: 'Lamp', size: 10.5, price: 19.9 },
    });
  });

  test('a CloudEvent in binary mode, whose headers say what the event lacks', () => {
    const headers = headersOf({
      ce_specversion: '1.0',
      ce_id: '20',
      ce_source: '/shop',
      ce_type: 'view',
      ce_time: '2026-11-23T03:19:38Z',
    });
    const [first] = read(bare, { headers });
    expect(first).toMatchObject({ changes: ['cloud_event'] });
    expect(JSON.parse(String(first?.payload))).toMatchObject({ timestamp: own().timestamp });
    expect(read(bare, { headers })).toEqual([first]);
    const other = read(bare, { headers: { ...headers, ...headersOf({ ce_source: '/mall' }) } });
    expect(other[0]?.id).not.toBe(first?.id);
    expect(read(own(), { headers })).toMatchObject([{ id: 'e-1' }]);
  });
});

describe('several events of one record', () => {
  test.each<[string, string]>([
    ['an array', JSON.stringify([own('a'), own('b')])],
    ['NDJSON', `${JSON.stringify(own('a'))}\r\n\n${JSON.stringify(own('b'))}\n`],
    ['an array in JSON', JSON.stringify(JSON.stringify([own('a'), own('b')]))],
    ['an array with a schema id', `\0\0\0\0\u0007${JSON.stringify([own('a'), own('b')])}`],
  ])('%s', (_name, text) => {
    expect(read(text)).toMatchObject([
      { id: 'a', piece: { index: '0' } },
      { id: 'b', piece: { index: '1' } },
    ]);
  });

  test('a bad one costs only itself, and keeps its bytes', () => {
    const bad = '{"event_id":"x",';
    for (const text of [`[${json}, ${bad}}, ${json}]`, `${json}\n${bad}\n${json}`]) {
      const parts = read(text);
      expect(parts).toMatchObject([{ id: 'e-1' }, { reason: 'not_json' }, { id: 'e-1' }]);
      expect(new TextDecoder().decode(parts[1]?.piece?.value()).startsWith(bad)).toBe(true);
    }
  });

  test('each without an id has one of its own, which a second reading finds again', () => {
    const { event_id: _id, ...event } = own();
    const ids = read([event, event]).map(({ id }) => id);
    expect(new Set(ids).size).toBe(2);
    expect(read([event, event]).map(({ id }) => id)).toEqual(ids);
    const replayed = read(event, { headers: headersOf({ 'vectorstream.piece': '1' }) });
    expect(replayed[0]?.id).toBe(ids[1]);
  });

  test('are bounded in number', () => {
    expect(read(`[${'1,'.repeat(5000)}1]`)).toMatchObject([{ reason: 'too_large', piece: null }]);
    expect(read(`[${'1,'.repeat(4999)}1]`)).toHaveLength(5000);
  });

  test('an object over several lines is one event', () => {
    expect(read(JSON.stringify(own(), null, 2))).toMatchObject([{ id: 'e-1', piece: null }]);
  });
});

test.each<[string, object, Partial<LogRecord>, string]>([
  ['a tombstone', {}, { value: new Uint8Array(), isTombstone: true }, 'tombstone'],
  ['a tombstone of Kafka Connect', { schema: null, payload: null }, {}, 'tombstone'],
  ['a delete of Debezium', { before: own(), after: null, op: 'd', source }, {}, 'delete'],
  ['a deleted row', { ...own(), __deleted: 'true' }, {}, 'delete'],
  ['a truncated table', { before: null, after: null, op: 't', source }, {}, 'no_row'],
])('%s is ignored, and is no dead letter', (_name, value, record, ignored) => {
  expect(read(value, record)).toEqual([{ ignored }]);
});

const utf16 = (text: string) => Uint8Array.from(Buffer.from(text, 'utf16le'));

describe('turned away with a reason that says what to write', () => {
  test.each<[string, Uint8Array | string, RegExp]>([
    ['an empty value', '', /an empty value/],
    ['gzip', Uint8Array.from(gzipSync(json)), /gzip.*compression\.type/],
    ['zstd', joined([0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3]), /zstd.*compression\.type/],
    ['UTF-16 with a mark', joined([0xff, 0xfe], utf16(json)), /UTF-16.*allowed: JSON in UTF-8/],
    ['UTF-16 without a mark', utf16(json), /UTF-16/],
    ['XML', '<event><id>1</id></event>', /got XML, allowed: JSON/],
    [
      'Avro with a schema id',
      joined([0, 0, 0, 0, 7, 10], 'kind-3(2026', [4], 'u1'),
      /Avro.*schema id 7.*JsonConverter/,
    ],
    [
      'Protobuf with a schema id',
      joined([0, 0, 0, 0, 8, 0, 10, 6], 'kind-4', [18, 2], 'u1'),
      /got Protobuf \(or Avro\) with the schema id 8.*Schema Registry/,
    ],
    [
      'Avro without a schema id',
      joined([12], 'kind-5', [40], '2026', [4], 'u1'),
      /Avro without a schema id/,
    ],
    [
      'Protobuf without a schema id',
      joined([10, 6], 'kind-4', [18, 2], 'u1'),
      /Protobuf without a schema id/,
    ],
    ['an Avro file', joined('Obj', [1, 2, 3]), /Avro container/],
    [
      'MessagePack that breaks off',
      joined([0x86, 0xa8], 'event_id', [0xa6], 'kind-39'),
      /MessagePack that breaks off/,
    ],
    ['NaN', json.replace('10.5', 'NaN'), /got NaN.*allowed: a number, or null/],
    ['a Python dict', "{'event_id': 'e-1'}", /single quotes.*json\.dumps/],
    [
      'lines of Snowplow',
      'shop\tweb\t2026-01-01 00:00:00.000\t\tstruct',
      /tab-separated text with 5 fields/,
    ],
    ['a form', 'event=view&user=u1', /fields of a form/],
    ['other text', 'view;user-1', /not JSON/],
  ])('%s', (_name, value, message) => {
    const parts = read(value);
    expect(parts).toMatchObject([{ reason: 'not_json', message: expect.stringMatching(message) }]);
    expect(parts[0]?.message).toMatch(/^event: got .+, allowed: /);
  });

  test.each<[string, object, string]>([
    ['a price is missing', { ...own(), product: { id: 'p', name: 'Lamp' } }, 'product.price'],
    ['a type is unknown', { ...own(), event_type: 'page_view' }, 'event_type'],
  ])('%s', (_name, value, field) => {
    expect(read(value)).toMatchObject([{ reason: 'invalid_event', field }]);
  });

  test('a long number in an envelope keeps its digits, and is no object', () => {
    const data = '{"specversion": "1.0", "id": "1", "source": "s", "data": 2103807459595387724}';
    expect(read(data)).toMatchObject([
      { message: 'event: got 2103807459595387724, allowed: a JSON object' },
    ]);
  });

  test.each<[string, object]>([
    ['Segment', { type: 'track', event: 'Product Viewed', userId: 'u1', properties: {} }],
    ['BigQuery', { event_name: 'purchase', event_timestamp: 17e14, items: [] }],
    ['Measurement Protocol', { client_id: '1.2', events: [{ name: 'view_item' }] }],
    ['Snowplow', { app_id: 'shop', event: 'unstruct', event_id: 'e', collector_tstamp: 'x' }],
    ['UBI', { action_name: 'click', query_id: 'q', event_attributes: { object: {} } }],
  ])('an event of %s is called so', (system, value) => {
    const [found] = read(value);
    expect(found).toMatchObject({ reason: 'invalid_event' });
    expect(found?.message).toMatch(new RegExp(`looks like one of .*${system}.*docs/events.md`));
  });
});

test('any bytes are read as one part or more, and a valid event always as itself', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      expect(read(bytes).length).toBeGreaterThan(0);
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(wireEventArbitrary, (sent) => {
      expect(read(sent)).toMatchObject([{ id: sent.event_id, changes: [], piece: null }]);
    }),
    { numRuns: 200 },
  );
});

test('what was refused stays refused, and what was accepted stays accepted', () => {
  const refused = { headers: headersOf({ [requestHeader]: 'r', [refusedHeader]: 'invalid' }) };
  expect(read([own()], refused)).toMatchObject([{ reason: 'invalid_event' }]);
  expect(read({ ...own(), event_id: undefined }, refused)).toMatchObject([{ field: 'event_id' }]);
  const accepted = { headers: headersOf({ [requestHeader]: 'r' }) };
  expect(read({ ...own(), __deleted: 'true' }, accepted)).toMatchObject([{ id: 'e-1' }]);
});

test("with strict limits a record is one event in VectorStream's format", () => {
  for (const value of [[own()], { schema: {}, payload: own() }, { ...own(), user_id: 7 }])
    expect(read(value, {}, { strict: true })).toMatchObject([{ reason: 'invalid_event' }]);
  expect(read(own(), {}, { strict: true })).toMatchObject([{ id: 'e-1' }]);
});
