// The short way past the schema: it accepts nothing that the schema refuses, and most events go it.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type EventContext, eventLimits, isRejection, readEvent } from '#core/event/parse-event.ts';
import { isPlainEvent } from '#core/event/plain-event.ts';
import { eventNow } from './event-arbitrary.ts';

const context: EventContext = { now: eventNow, limits: eventLimits, missingId: () => 'given-id' };
const strict: EventContext = { ...context, limits: { ...eventLimits, strict: true } };

const plain = {
  event_id: '6f1b9a0e-7d0c-4f0e-9a52-1b2f4c5d6e7f',
  timestamp: '2026-11-23T10:00:00.123Z',
  user_id: 'u-1',
  event_type: 'view',
  session_id: 's-1',
  product: { id: 'p-1', name: 'Lantern', description: null, category: 'Light', price: 12.5 },
  search_query: 'a lantern',
  quantity: 2,
  total_amount: 25,
  payment_method: 'card',
  view_duration: 1.5,
};

/** What readers differ in, or forget: the bounds, and values of the wrong kind. */
const texts = ['', ' ', '.', '..', '7', '-3', '1795428000', 'view', 'VIEW', 'addToCart', 'search'];
const hidden = ['a b', 'a\u00a0b', 'a\u200bb', 'ü', '\u0000', '\t'];
const times = ['2026-11-23T10:00:00', '2026-11-23 10:00 UTC', '2026-11-23T12:00:00+02:00', 'Z'];
const oddTimes = ['2026-11-23T10:00-05:00', '1999-01-01T00:00:00Z', '-05:00', '2026-11-23T+02:00'];
const longTexts = [64, 65, 256, 257, 512, 513, 1024, 1025].map((length) => 'x'.repeat(length));
const numbers = [0, -0, -1, 1, 1.5, 1e6, 1e6 + 1, 1e7, 1e9, 1e9 + 1, 1e12, 2e12, 9e15];
const others = [true, null, undefined, [], {}, { a: { b: 1 } }, plain.product, [1]];
const trickyValue = fc.oneof(
  fc.constantFrom<unknown>(...texts, ...hidden, ...times, ...oddTimes, ...longTexts),
  fc.constantFrom<unknown>(...numbers, ...others),
  fc.string({ maxLength: 5 }),
);
const names = [...Object.keys(plain), 'other', '__proto__', 'constructor', 'eventId', 'userId'];
const trickyMember = fc.tuple(fc.constantFrom(...names), trickyValue);
const trickyEvent = fc
  .record({
    members: fc.array(trickyMember, { maxLength: 3 }),
    product: fc.array(fc.tuple(fc.constantFrom(...Object.keys(plain.product), 'x'), trickyValue), {
      maxLength: 2,
    }),
  })
  .map(({ members, product }) => ({
    ...plain,
    product: { ...plain.product, ...Object.fromEntries(product) },
    ...Object.fromEntries(members),
  }));

/** All that is read of an event, without the payload. */
function readingOf(event: object, by: EventContext): unknown {
  const reading = readEvent(new TextEncoder().encode(JSON.stringify(event)), by);
  if (isRejection(reading)) return reading;
  const { payload: _payload, ...rest } = reading.event;
  return { ...reading, event: rest };
}

test('the short way reads every event as the schema does', () => {
  fc.assert(
    fc.property(trickyEvent, fc.constantFrom(context, strict), (event, by) => {
      // A list as an unknown member changes nothing, and only the schema reads such an event.
      expect(readingOf(event, by)).toEqual(readingOf({ ...event, list: [] }, by));
    }),
    { numRuns: 1_000 },
  );
});

const withOther = (digits: string) =>
  JSON.stringify({ ...plain, other: 0 }).replace('"other":0', `"other":${digits}`);
const read = (json: string) => readEvent(new TextEncoder().encode(json), context);

test('a number that is too large is left to the schema, and digits are kept', () => {
  expect(isRejection(read(withOther('1e999')))).toBe(true);
  expect(isPlainEvent(JSON.parse(withOther('1e999')), eventLimits)).toBe(false);
  const exact = withOther('12345678901234567890');
  expect(read(exact)).toMatchObject({ event: { payload: exact } });
});

test('an event with more members than the limits allow is left to the schema', () => {
  const limits = { ...eventLimits, unknownFieldsMax: 11 };
  expect(isPlainEvent(plain, limits)).toBe(true);
  expect(isPlainEvent({ ...plain, other: 1 }, limits)).toBe(false);
  expect(isPlainEvent(plain, { ...eventLimits, depthMax: 1 })).toBe(false);
});

test('an event with plain ids goes the short way, with times of any usual offset', () => {
  const { product: _product, ...search } = { ...plain, event_type: 'search' };
  expect(isPlainEvent(plain, eventLimits)).toBe(true);
  expect(isPlainEvent(search, eventLimits)).toBe(true);
  expect(isPlainEvent({ ...plain, timestamp: '2026-11-23T12:00:00+02:00' }, eventLimits)).toBe(
    true,
  );
});
