// What a record without an event deletes, where a mapping says so: a null value, and the deletes of
// Debezium, Kafka Connect and CloudEvents.

import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readRecord } from '#core/decode/read-record.ts';
import { storedIdOf } from '#core/event/event-id.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import { mappingHeader, requestHeader } from '#core/event/record-id.ts';
import { parseMapping, parseTopicMapping } from '#core/mapping/mapping.ts';
import { noMappings, type RecordMapping, recordMapping } from '#core/mapping/record-mapping.ts';
import type { LogRecord } from '#core/ports.ts';
import { eventNow } from './event-arbitrary.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const ofYaml = (yaml: string) => recordMapping(parseTopicMapping(parse(yaml), 'mine'));
const by = (kind: string) => ofYaml(`delete_by: ${kind}`);

type Sent = Partial<Omit<LogRecord, 'key'>> & { readonly key?: string; readonly topic?: string };

/** What the record deletes as `kind id`, or the kind as which it is ignored, or what else it is. */
function read(value: unknown, mappings: readonly RecordMapping[], sent: Sent = {}, strict = false) {
  const { key = null, topic = 'shop', ...more } = sent;
  const record = {
    value: value === null ? bytes('') : bytes(JSON.stringify(value)),
    isTombstone: value === null,
    headers: {},
    timestamp: eventNow,
    position: { topic, partition: 0, offset: 5 },
    ...more,
    key: key === null ? null : bytes(key),
  };
  const named = (name: string) => mappings.find((mapping) => mapping.name === name) ?? null;
  const rules = {
    now: eventNow,
    limits: { ...eventLimits, strict },
    mappings: { ...noMappings, tried: mappings, named },
  };
  const [part] = readRecord(record, rules);
  if (part === undefined) return 'nothing';
  if ('deletes' in part.read) return `${part.read.deletes.kind} ${part.read.deletes.id}`;
  if ('ignored' in part.read) return part.read.ignored;
  return 'event' in part.read ? 'event' : part.read.message;
}

describe('a null value deletes', () => {
  test.each([
    ['a plain key', 'u-7', 'user u-7'],
    ['a JSON string', '"u-7"', 'user u-7'],
    ['a number', '42', 'user 42'],
    ['digits that are no JSON number', '007', 'user 007'],
    ['an object with one member, as Debezium writes it', '{"id": 42}', 'user 42'],
    ['a 64-bit id', '{"id": 2103807459595387724}', 'user 2103807459595387724'],
    ['Connect with a schema', '{"schema": {"type": "string"}, "payload": "u-7"}', 'user u-7'],
    [
      'Connect with the schema of a number',
      '{"schema": {"type": "int64"}, "payload": 42}',
      'user 42',
    ],
    [
      'Connect with a 64-bit id',
      '{"schema": {"type": "int64"}, "payload": 2103807459595387724}',
      'user 2103807459595387724',
    ],
    ['a key with the schema id of a registry', '\0\0\0\0\u0007{"id": 42}', 'tombstone'],
    ['Connect without a key', '{"schema": null, "payload": null}', 'tombstone'],
    ['Debezium with a schema', '{"schema": {}, "payload": {"id": "u-7"}}', 'user u-7'],
    ['an object with several members', '{"id": 1, "shop": 2}', 'tombstone'],
    ['an empty key', '', 'tombstone'],
    ['a key that is not an id', 'u\u00007', 'tombstone'],
    ['a key that is too long', 'u'.repeat(257), 'tombstone'],
  ])('what the key is: %s', (_name, key, expected) => {
    expect(read(null, [by('user_id')], { key })).toBe(expected);
  });

  test('the event, the product or the user that the key names', () => {
    expect(read(null, [by('event_id')], { key: 'e-1' })).toBe(`event ${storedIdOf('e-1')}`);
    expect(read(null, [by('product_id')], { key: 'e-1' })).toBe('product e-1');
    expect(read(null, [by('user_id')], { key: 'e-1' })).toBe('user e-1');
  });

  test('by a template, as a mapping makes ids of events', () => {
    const mine = ofYaml(`delete_by: { event_id: 'shop-{record:key.order.no}' }`);
    const key = '{"order": {"no": 12}, "region": "eu"}';
    expect(read(null, [mine], { key })).toBe(`event ${storedIdOf('shop-12')}`);
    expect(read(null, [mine], { key: 'plain' })).toBe('tombstone');
    const first = ofYaml(`delete_by: { user_id: ['{header:user}', '{record:key}'] }`);
    expect(read(null, [first], { key: 'k', headers: { user: bytes('anna') } })).toBe('user anna');
    expect(read(null, [first], { key: 'k' })).toBe('user k');
  });

  test('nothing without a key, a mapping, or a mapping that says so', () => {
    const event = `
event: { event_type: view, timestamp: '{t}', user_id: '{u}', search_query: '{q}' }`;
    expect(read(null, [by('user_id')])).toBe('tombstone');
    expect(read(null, [], { key: 'u-7' })).toBe('tombstone');
    expect(read(null, [ofYaml(event)], { key: 'u-7' })).toBe('tombstone');
    expect(read(null, [ofYaml(event), by('user_id')], { key: 'u-7' })).toBe('user u-7');
  });

  test('by the mapping of its topic: conditions on the value do not count', () => {
    const users = ofYaml(`
applies_to: [{ when: '{record:topic}', one_of: [users] }, { when: '{type}', one_of: [signup] }]
delete_by: user_id`);
    const products = ofYaml(`
applies_to: [{ when: '{record:topic}', one_of: [products] }]
delete_by: product_id`);
    const deleted = (topic: string) => read(null, [users, products], { key: '7', topic });
    expect(['users', 'products', 'orders'].map(deleted)).toEqual([
      'user 7',
      'product 7',
      'tombstone',
    ]);
  });

  test('with strict limits only by the mapping that a header names', () => {
    const mine = by('user_id');
    expect(read(null, [mine], { key: '7' }, true)).toBe('tombstone');
    const headers = { [mappingHeader]: bytes('mine') };
    expect(read(null, [mine], { key: '7', headers }, true)).toBe('user 7');
  });
});

describe('a deleted row', () => {
  const source = { connector: 'postgresql', table: 'events' };
  const change = { before: { id: 3, customer: 'anna' }, after: null, source, op: 'd' };

  test('of Debezium deletes what its key or the row before says', () => {
    const ofRow = ofYaml(`delete_by: { user_id: '{customer}' }`);
    const key = '{"id": 3}';
    expect(read(change, [by('event_id')], { key })).toBe(`event ${storedIdOf('3')}`);
    expect(read(change, [ofRow], { key })).toBe('user anna');
    expect(read({ ...change, before: JSON.stringify(change.before) }, [ofRow])).toBe('user anna');
    expect(read({ ...change, before: null }, [ofRow], { key })).toBe('delete');
    expect(read({ schema: {}, payload: change }, [ofRow])).toBe('user anna');
    expect(read({ id: 3, customer: 'anna', __deleted: 'true' }, [ofRow])).toBe('user anna');
    expect(read(change, [], { key })).toBe('delete');
  });

  test('of Connect or CloudEvents is a null payload', () => {
    const key = 'u-7';
    expect(read({ schema: {}, payload: null }, [by('user_id')], { key })).toBe('user u-7');
    const cloud = {
      specversion: '1.0',
      id: '1',
      source: '/s',
      type: 't',
      subject: 'ben',
      data: null,
    };
    expect(read(cloud, [ofYaml(`delete_by: { user_id: '{subject}' }`)])).toBe('user ben');
    expect(read(cloud, [])).toBe('tombstone');
  });

  test('of a request deletes nothing; a null value comes by no request', () => {
    const headers = { [requestHeader]: bytes('r-1') };
    expect(read(change, [by('event_id')], { key: '{"id": 3}', headers })).toBe('delete');
    expect(read(null, [by('user_id')], { key: 'u-7', headers })).toBe('user u-7');
  });

  test('a change about no row deletes nothing', () => {
    expect(read({ ...change, op: 't' }, [by('event_id')], { key: '3' })).toBe('no_row');
  });
});

test('a mapping for deletes alone reads no events', () => {
  const own = {
    event_id: 'e-1',
    timestamp: '2026-11-23T03:19:38Z',
    user_id: 'u1',
    event_type: 'view',
    session_id: 's1',
    product: { id: 'p', name: 'Lamp', price: 10.5 },
  };
  expect(read(own, [by('user_id')])).toBe('event');
  expect(read({ a: 1 }, [by('user_id')])).toMatch(/^(?!.*mapping).*got.*allowed/);
  const headers = { [mappingHeader]: bytes('mine') };
  expect(read({ a: 1 }, [by('user_id')], { headers })).toBe(
    'event: got a value, allowed: a deleted record by the mapping mine',
  );
});

describe('a mapping is refused', () => {
  const event = `event: { event_type: view, timestamp: '{t}', user_id: '{u}', search_query: '{q}' }`;
  test.each([
    ['delete_by: session_id', /delete_by: Invalid/],
    ['delete_by: {}', /delete_by: needs exactly one of event_id, product_id, user_id/],
    [`delete_by: { user_id: '{a}', event_id: '{b}' }`, /needs exactly one of/],
    [`delete_by: { session: '{a}' }`, /allowed are event_id, product_id, user_id/],
    [`${event}\ndelete_by: event_id`, /needs event.event_id/],
    [`${event}\neach: '{items}'\ndelete_by: event_id`, /cannot be used with each/],
    ['nulls: [none]', /needs event, or delete_by/],
  ])('%s', (yaml, message) => {
    expect(() => ofYaml(yaml)).toThrow(message);
  });

  test('for an import, which needs events', () => {
    expect(() => parseMapping({ delete_by: 'user_id' }, 'mine')).toThrow(/makes no events/);
  });
});
