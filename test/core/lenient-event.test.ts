// An event in nearly the right shape is read where its form can mean only one thing, and what was
// changed is told. An event in the right shape never changes.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { collectedEvent } from '#core/event/collected-event.ts';
import type { ChangeKind } from '#core/event/known-members.ts';
import {
  type EventContext,
  eventLimits,
  isRejection,
  readEvent,
  type ReadEvent,
} from '#core/event/parse-event.ts';
import { isUuid } from '#core/event/uuid.ts';
import { eventTypes } from '#core/ports.ts';
import { zoneOffset } from '#core/time/zone-offset.ts';
import { eventNow, wireEventArbitrary } from './event-arbitrary.ts';

const lenient: EventContext = { now: eventNow, limits: eventLimits, missingId: () => null };
const strict: EventContext = { ...lenient, limits: { ...eventLimits, strict: true } };
const bytesOf = (text: string) => new TextEncoder().encode(text);

function read(event: object | string, context = lenient): ReadEvent {
  const text = typeof event === 'string' ? event : JSON.stringify(event);
  const result = readEvent(bytesOf(text), context);
  if (isRejection(result)) throw new Error(`rejected: ${result.message}`);
  return result;
}
const isRefused = (event: object | string, context = lenient) =>
  isRejection(
    readEvent(bytesOf(typeof event === 'string' ? event : JSON.stringify(event)), context),
  );

const plain = {
  event_id: 'e-1',
  timestamp: '2026-11-23T10:00:00Z',
  user_id: 'u-1',
  event_type: 'view',
  session_id: 's-1',
  product: { id: 'p-1', name: 'Lantern', price: 12.5 },
};
const { session_id: _session, ...withoutSession } = plain;
const { event_id: _id, ...withoutId } = plain;

test('an event in the right shape is stored as it is, and nothing counts as changed', () => {
  fc.assert(
    fc.property(wireEventArbitrary, (sent) => {
      const wire = JSON.stringify(sent);
      const { event, changes } = read(wire);
      expect(changes).toEqual([]);
      expect(JSON.parse(event.payload)).toEqual(JSON.parse(wire));
      expect(event).toEqual(read(wire, strict).event);
    }),
    { numRuns: 300 },
  );
});

describe('what can mean only one thing is read, told, and stored in the right shape', () => {
  const product = plain.product;
  const cases: readonly [string, object | string, readonly ChangeKind[], object][] = [
    [
      'numbers as ids',
      { ...plain, event_id: 7, user_id: 12345, product: { ...product, id: 0 } },
      ['numeric_id', 'numeric_id', 'numeric_id'],
      { event_id: '7', user_id: '12345', product: { id: '0' } },
    ],
    [
      'an id beyond 2^53',
      JSON.stringify(plain).replace('"u-1"', '2103807459595387724'),
      ['numeric_id'],
      { user_id: '2103807459595387724' },
    ],
    [
      'numbers as text',
      { ...plain, quantity: '2', total_amount: '1e2', product: { ...product, price: ' 19.90' } },
      ['numeric_text', 'numeric_text', 'numeric_text'],
      { quantity: 2, total_amount: 100, product: { price: 19.9 } },
    ],
    ['a type in capitals', { ...plain, event_type: 'VIEW' }, ['event_type'], plain],
    [
      'a type in words',
      { ...plain, event_type: 'Add to cart' },
      ['event_type'],
      { event_type: 'add_to_cart' },
    ],
    [
      'names in camel case',
      {
        eventId: 'e-1',
        timestamp: plain.timestamp,
        userId: 'u-1',
        eventType: 'search',
        sessionId: 's-1',
        searchQuery: 'lamp',
        pageUrl: '/',
      },
      ['camel_case'],
      { event_id: 'e-1', user_id: 'u-1', search_query: 'lamp', pageUrl: '/' },
    ],
    ['JSON in JSON', JSON.stringify(JSON.stringify(plain)), ['double_encoded'], plain],
  ];
  test.each(cases)('%s', (_, sent, changes, expected) => {
    const result = read(sent);
    expect(result.changes).toEqual(changes);
    expect(JSON.parse(result.event.payload)).toMatchObject(expected);
    expect(read(result.event.payload)).toEqual({ event: result.event, changes: [] });
    // Long numbers are read by the strict rules too.
    expect(isRefused(sent, strict)).toBe(!JSON.stringify(sent).includes('2103807459595387724'));
  });

  test('every type, in any letters', () => {
    for (const type of eventTypes)
      for (const written of [type.toUpperCase(), type.replaceAll('_', '-'), ` ${type} `])
        expect(read({ ...plain, search_query: 'x', event_type: written }).event.eventType).toBe(
          type,
        );
  });

  test.each([
    [1795428000, '2026-11-23T10:00:00Z'],
    ['1795428000', '2026-11-23T10:00:00Z'],
    [1795428000.25, '2026-11-23T10:00:00.25Z'],
    [1795428000123, '2026-11-23T10:00:00.123Z'],
    ['1795428000123.0', '2026-11-23T10:00:00.1230Z'],
    [1795428000123456, '2026-11-23T10:00:00.123456Z'],
    ['1795428000123456789', '2026-11-23T10:00:00.123456789Z'],
    [946684800, '2000-01-01T00:00:00Z'],
    ['2026-11-23 10:00:00', '2026-11-23 10:00:00Z'],
    ['2026-11-23T10:00', '2026-11-23T10:00Z'],
    ['2026-11-23T10:00:00.5', '2026-11-23T10:00:00.5Z'],
    ['2026-11-23 10:00:00 UTC', '2026-11-23 10:00:00Z'],
  ])('the time %j', (sent, stored) => {
    const { event, changes } = read({ ...plain, timestamp: sent });
    expect(JSON.parse(event.payload)).toMatchObject({ timestamp: stored });
    expect(event.timestamp).toBe(Date.parse(stored));
    expect(changes).toEqual([/[-]/.test(String(sent)) ? 'time_zone' : 'unix_time']);
    expect(isRefused({ ...plain, timestamp: sent }, strict)).toBe(sent !== 1795428000123456);
  });

  test('a time without an offset is a time of the zone, in summer and in winter', () => {
    const berlin = { ...eventLimits, zoneOffset: zoneOffset('Europe/Berlin') };
    const stored = (timestamp: string) =>
      read({ ...plain, timestamp }, { ...lenient, limits: berlin }).event.payload;
    expect(stored('2026-07-01T12:00:00')).toContain('"2026-07-01T12:00:00+02:00"');
    expect(stored('2026-01-01T12:00:00')).toContain('"2026-01-01T12:00:00+01:00"');
    expect(stored('2026-01-01T12:00:00-05:00')).toContain('"2026-01-01T12:00:00-05:00"');
  });
});

const sessionOf = (event: object) => read({ ...withoutSession, ...event }).event.sessionId;
const wrongField = (event: object) => {
  const result = readEvent(bytesOf(JSON.stringify(event)), lenient);
  return isRejection(result) ? result.field : null;
};

describe('an event without a session', () => {
  test('belongs to the session of its user and day, however often it is read', () => {
    const session = sessionOf({});
    expect(isUuid(session)).toBe(true);
    expect(sessionOf({ event_id: 'e-2', timestamp: '2026-11-23T00:00:00+00:00' })).toBe(session);
    expect(sessionOf({ timestamp: 1795428000, session_id: null })).toBe(session);
    expect(sessionOf({ user_id: 'u-2' })).not.toBe(session);
    expect(sessionOf({ timestamp: '2026-11-22T23:59:59Z' })).not.toBe(session);
    expect(read(withoutSession).changes).toEqual(['session_id']);
  });

  test('is refused for what is really wrong with it', () => {
    expect(wrongField({ ...withoutSession, timestamp: 'yesterday' })).toBe('timestamp');
    expect(wrongField({ ...withoutSession, user_id: undefined })).toBe('user_id');
  });
});

test('an event without an id gets the given one, and is refused where none is given', () => {
  const id = '0e6f1a8c-5d0b-5a0e-9d3a-1f1e0b7a2c3d';
  const given = { ...lenient, missingId: () => id };
  const { event, changes } = read(withoutId, given);
  expect(event.eventId).toBe(id);
  expect(changes).toEqual(['event_id']);
  expect(read(plain, given).event.eventId).toBe('e-1');
  expect(isRefused(withoutId)).toBe(true);
  expect(isRefused(withoutId, { ...given, limits: strict.limits })).toBe(true);
});

test.each<[string, object | string]>([
  ['an id with a fraction', { ...plain, user_id: 1.5 }],
  ['a number too large to be exact', JSON.stringify(plain).replace('"u-1"', '1e300')],
  ['a price with a currency', { ...plain, product: { ...plain.product, price: '19,90 €' } }],
  ['an empty price', { ...plain, product: { ...plain.product, price: '' } }],
  ['a negative price', { ...plain, product: { ...plain.product, price: '-1' } }],
  ['a word that is no type', { ...plain, event_type: 'page_view' }],
  ['a date without a time', { ...plain, timestamp: '2026-11-23' }],
  ['a number of no unit', { ...plain, timestamp: 20261123100000 }],
  ['a time that does not exist', { ...plain, timestamp: '2026-02-30 10:00:00' }],
  ['an empty session', { ...plain, session_id: '' }],
  ['JSON in JSON in JSON', JSON.stringify(JSON.stringify(JSON.stringify(plain)))],
])('nothing is guessed: %s is refused', (_, event) => {
  expect(isRefused(event)).toBe(true);
});

test('a page cannot hide its own timestamp in JSON in JSON', () => {
  const sent = bytesOf(JSON.stringify(JSON.stringify({ ...plain, collected_by: 'nobody' })));
  const marked = collectedEvent(sent, { at: eventNow - 1, key: 'page', depthMax: 32 });
  const { event } = read(new TextDecoder().decode(marked));
  expect(event.timestamp).toBe(eventNow - 1);
  expect(JSON.parse(event.payload)).toMatchObject({ collected_by: 'page' });
});

test('a name in camel case counts only where a required member is missing', () => {
  const { event, changes } = read({ ...plain, searchQuery: 5, userId: 'other' });
  expect(changes).toEqual([]);
  expect(JSON.parse(event.payload)).toMatchObject({ searchQuery: 5, userId: 'other' });
});
