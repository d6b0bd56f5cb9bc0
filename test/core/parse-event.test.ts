// The event parser answers any bytes, and a rejection says which field is wrong, what it got and
// why.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eventLimits, isRejection, parseEvent } from '#core/event/parse-event.ts';
import { isUuid, uuidV5 } from '#core/event/uuid.ts';
import { deadLetterReasons, eventTypes, type ProductEvent, type Rejection } from '#core/ports.ts';
import {
  eventNow,
  productEventArbitrary,
  timestampArbitrary,
  wireEventArbitrary,
} from './event-arbitrary.ts';

const encoder = new TextEncoder();
/** By the strict rules, under which no other form of a member is valid. */
const parse = (event: unknown) => parseText(JSON.stringify(event));
const parseText = (text: string) =>
  parseEvent(encoder.encode(text), eventNow, { ...eventLimits, strict: true });

function accepted(parsed: ProductEvent | Rejection): ProductEvent {
  if (isRejection(parsed)) throw new Error(`rejected: ${parsed.message}`);
  return parsed;
}

function rejected(parsed: ProductEvent | Rejection): Rejection {
  if (!isRejection(parsed)) throw new Error(`accepted: ${parsed.payload}`);
  expect(parsed).toSatisfy(isWellMade);
  return parsed;
}

/** What holds for every answer, of either kind. */
function isWellMade(parsed: ProductEvent | Rejection): boolean {
  if (!isRejection(parsed))
    return (
      isUuid(parsed.id) &&
      Number.isInteger(parsed.timestamp) &&
      (parsed.product ?? parsed.searchQuery) !== null
    );
  return (
    deadLetterReasons.includes(parsed.reason) &&
    /^[^\p{Cc}\p{Cf}\p{Cs}]{1,900}$/u.test(parsed.message) &&
    parsed.message.includes('allowed: ')
  );
}

const badOptionalText = (lengthMax: number) => [7, false, [], {}, 'x'.repeat(lengthMax + 1)];

const plain = {
  event_id: 'e-1',
  timestamp: '2026-11-23T10:00:00.123456Z',
  user_id: 'u-1',
  event_type: 'view',
  session_id: 's-1',
  product: { id: 'p-1', name: 'Lantern', description: 'Glows', category: 'Garden', price: 12.5 },
};
/** `plain` as JSON text with one more member, written as given. */
const plainWith = (member: string) => JSON.stringify(plain).replace('{', `{${member},`);

/** The parsed `plain`, dated this many ms ahead. */
const dated = (ahead: number, more = {}) =>
  parse({ ...plain, timestamp: new Date(eventNow + ahead).toISOString(), ...more });

describe('a timestamp ahead', () => {
  test('is valid up to the bound, and has a reason of its own beyond it', () => {
    expect(accepted(dated(300_000)).timestamp).toBe(eventNow + 300_000);
    expect(rejected(dated(300_001))).toMatchObject({
      reason: 'timestamp_ahead',
      field: 'timestamp',
      eventId: 'e-1',
      timestampAhead: eventNow + 300_001,
    });
  });

  test('is not the reason while something else is wrong, because a replay would fail', () => {
    expect(rejected(dated(300_001, { user_id: '' }))).toMatchObject({
      reason: 'invalid_event',
      field: 'user_id',
      timestampAhead: null,
    });
  });

  test('has the bound of the settings', () => {
    const bytes = encoder.encode(JSON.stringify(plain));
    const now = Date.parse(plain.timestamp) - 10;
    const limits = { ...eventLimits, timestampAheadMsMax: 9 };
    expect(rejected(parseEvent(bytes, now, limits)).reason).toBe('timestamp_ahead');
    accepted(parseEvent(bytes, now + 1, limits));
  });
});

describe('parseEvent is total', () => {
  test('any bytes get an answer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(parseEvent(bytes, eventNow)).toSatisfy(isWellMade);
      }),
      { numRuns: 500 },
    );
  });

  test('any JSON gets an answer', () => {
    const looksLikeAnEvent = fc.record(
      Object.fromEntries(
        [
          'event_id',
          'timestamp',
          'user_id',
          'event_type',
          'session_id',
          'product',
          'search_query',
          'quantity',
        ].map((key) => [key, fc.jsonValue()]),
      ),
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          looksLikeAnEvent.map((value) => JSON.stringify(value)),
        ),
        (text) => {
          expect(parseText(text)).toSatisfy(isWellMade);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('a valid event with any damage to its bytes gets an answer', () => {
    const damaged = fc
      .tuple(
        wireEventArbitrary,
        fc.nat(),
        fc.uint8Array({ minLength: 1, maxLength: 8 }),
        fc.boolean(),
      )
      .map(([event, at, noise, cut]) => {
        const bytes = encoder.encode(JSON.stringify(event));
        const from = at % bytes.length;
        bytes.set(noise.subarray(0, bytes.length - from), from);
        return cut ? bytes.subarray(0, from) : bytes;
      });
    fc.assert(
      fc.property(damaged, (bytes) => {
        expect(parseEvent(bytes, eventNow)).toSatisfy(isWellMade);
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    ['open brackets', '['.repeat(100_000), 'not_json'],
    ['closed brackets', '['.repeat(100_000) + ']'.repeat(100_000), 'invalid_event'],
    [
      'objects in an unknown field',
      plainWith(`"x":${'{"a":'.repeat(30_000)}1${'}'.repeat(30_000)}`),
      'invalid_event',
    ],
  ])('100,000 levels of %s end in a rejection, not in a stack overflow', (_, text, reason) => {
    expect(rejected(parseText(text)).reason).toBe(reason);
  });
});

describe('a valid event', () => {
  test('keeps every field in its payload, unknown ones too', () => {
    fc.assert(
      fc.property(wireEventArbitrary, (sent) => {
        const event = accepted(parse(sent));
        expect(JSON.parse(event.payload)).toEqual(JSON.parse(JSON.stringify(sent)));
        expect(event.eventId).toBe(sent.event_id);
        expect(event.id).toBe(
          isUuid(sent.event_id) ? sent.event_id.toLowerCase() : uuidV5(sent.event_id),
        );
        expect(event).toMatchObject({
          eventType: sent.event_type,
          userId: sent.user_id,
          sessionId: sent.session_id,
        });
        expect(event.product?.id).toBe(sent.product?.id);
        expect(event.product?.name).toBe(sent.product?.name);
        expect(event.product?.price).toBe(sent.product?.price);
        expect(event.product !== null || event.searchQuery !== null).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('has the same instant in every notation of its timestamp', () => {
    fc.assert(
      fc.property(timestampArbitrary, ({ text, ms }) => {
        expect(accepted(parse({ ...plain, timestamp: text })).timestamp).toBe(ms);
      }),
      { numRuns: 500 },
    );
  });

  test('may omit the seconds, begin with a byte-order mark, and use null for absent', () => {
    const event = accepted(
      parseText(
        `\ufeff${JSON.stringify({
          ...plain,
          timestamp: '2026-11-23T10:00+02:00',
          quantity: null,
          product: { ...plain.product, description: null },
        })}`,
      ),
    );
    expect(event.timestamp).toBe(Date.UTC(2026, 10, 23, 8));
    expect(event.product?.description).toBeNull();
  });

  test('counts a blank description, category and query as absent', () => {
    const event = accepted(
      parse({
        ...plain,
        event_type: 'search',
        search_query: ' \n',
        product: { ...plain.product, description: '', category: '\t' },
      }),
    );
    expect(event).toMatchObject({
      searchQuery: null,
      product: { description: null, category: null },
    });
  });

  test('stores well-formed text and each key once', () => {
    const event = accepted(
      parseText(plainWith(String.raw`"x\ud800":"\udc00\ud83d\ude00\\ud800","user_id":"first"`)),
    );
    expect(JSON.parse(event.payload)).toEqual({ ...plain, 'x\ufffd': '\ufffd😀\\ud800' });
    expect(event.payload.match(/"user_id"/g)).toHaveLength(1);
    expect(event.userId).toBe('u-1');
  });
});

describe('a rejection names the field, what it got and what is allowed', () => {
  const absent = Symbol('absent');
  const notText = [absent, null, 7, true, [], {}];
  const invisible = [
    '\u200b',
    'a\u202eb',
    '\u{e0041}',
    'a\u2028',
    '\ufeffa',
    'a\u00ad',
    'a\u3164',
    '\u2800',
  ];
  const controls = ['a\u0000b', 'line\nbreak', '\u0085', '\u001b[2J'];
  const badId = [...notText, '', ' \t', '.', '..', 'x'.repeat(257), ...controls, ...invisible];
  const notNumber = ['7', true, [], {}];
  const corruptions: Record<string, readonly unknown[]> = {
    event_id: badId,
    user_id: badId,
    session_id: badId,
    event_type: [...notText, '', 'VIEW', 'click', 'toString', '__proto__'],
    timestamp: [
      ...notText,
      '',
      'yesterday',
      '2026-11-23',
      '2026-11-23T10:00:00',
      '2026-02-30T10:00:00Z',
      '2025-02-29T10:00:00Z',
      '2026-13-01T10:00:00Z',
      '2026-00-01T10:00:00Z',
      '2026-01-00T10:00:00Z',
      '2026-11-23T24:00:00Z',
      '2026-11-23T10:60:00Z',
      '2016-12-31T23:59:60Z',
      '2026-11-23T10:00:00+24:00',
      '2026-11-23T10:00:00+01:60',
      '2026-11-23T10:00:00.1234567890Z',
      '1999-12-31T23:59:59Z',
      '0000-01-01T00:00:00Z',
      '1795428000',
      1795428000,
    ],
    'product.id': badId,
    'product.name': [...notText, '', '   ', '\u0000\n', 'x'.repeat(1025)],
    'product.description': badOptionalText(16_384),
    'product.category': badOptionalText(512),
    'product.price': [absent, null, ...notNumber, -3, -1e-9, 1e9 + 1],
    search_query: badOptionalText(1024),
    quantity: [...notNumber, 0, -1, 1.5, 1e6 + 1],
    total_amount: [...notNumber, -0.01, 1e12 + 1],
    payment_method: badOptionalText(64),
    view_duration: [...notNumber, -1, 1e7 + 1],
  };
  const corruption = fc.oneof(
    ...Object.entries(corruptions).map(([field, values]) =>
      fc.record({ field: fc.constant(field), value: fc.constantFrom(...values) }),
    ),
  );

  function corrupt(event: object, field: string, value: unknown): object {
    const [first = '', ...rest] = field.split('.');
    const members = new Map<string, unknown>(Object.entries(event));
    if (rest.length > 0)
      members.set(first, corrupt(Object(members.get(first)), rest.join('.'), value));
    else if (value === absent) members.delete(first);
    else members.set(first, value);
    return Object.fromEntries(members);
  }

  test('for every corruption of a single field', () => {
    for (const [field, values] of Object.entries(corruptions)) {
      for (const value of values)
        expect(
          rejected(parse(corrupt(plain, field, value))),
          `${field} = ${String(value)}`,
        ).toMatchObject({ field, reason: 'invalid_event' });
    }
  });

  test('for any corruption of any valid event', () => {
    fc.assert(
      fc.property(productEventArbitrary, corruption, (event, { field, value }) => {
        const rejection = rejected(parse(corrupt(event, field, value)));
        expect(rejection).toMatchObject({ reason: 'invalid_event', field });
        expect(rejection.message.startsWith(`${field}: got `)).toBe(true);
        expect(rejection.eventId).toBe(field === 'event_id' ? null : event.event_id);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    [
      'product.price: got -3, allowed: a finite number from 0 to 1e9',
      { ...plain, product: { ...plain.product, price: -3 } },
    ],
    [
      'product.price: got "9", allowed: a finite number from 0 to 1e9',
      { ...plain, product: { ...plain.product, price: '9' } },
    ],
    ['quantity: got 1.5, allowed: a whole number from 1 to 1e6', { ...plain, quantity: 1.5 }],
    [
      'user_id: got nothing, allowed: 1 to 256 visible characters, not blank, not . or ..',
      { ...plain, user_id: undefined },
    ],
    [
      `event_type: got "click", allowed: one of ${eventTypes.join(', ')}`,
      { ...plain, event_type: 'click' },
    ],
    [
      'product: got null, allowed: an object with id, name and price ' +
        '(only a search event with a search_query may do without)',
      { ...plain, product: null },
    ],
    [
      'search_query: got nothing, allowed: text that is not blank ' +
        '(a search event needs a search_query or a product)',
      { ...plain, event_type: 'search', product: undefined },
    ],
    [
      'timestamp: got "2026-02-30T10:00:00Z", allowed: a day from 01 to 28 in 2026-02',
      { ...plain, timestamp: '2026-02-30T10:00:00Z' },
    ],
    [
      'timestamp: got "2026-11-23T10:00:00", which has no UTC offset, allowed: an ISO 8601 ' +
        'date-time with a UTC offset, such as 2026-11-23T10:00:00Z or 2026-11-23T12:00:00.5+02:00',
      { ...plain, timestamp: '2026-11-23T10:00:00' },
    ],
    [
      'timestamp: got "1999-12-31T23:59:59Z", allowed: from 2000-01-01T00:00:00Z on',
      { ...plain, timestamp: '1999-12-31T23:59:59Z' },
    ],
    [
      'timestamp: got "2026-11-23T15:00:00+01:00", which is 7200 seconds ahead, ' +
        'allowed: at most 300 seconds ahead, which was 2026-11-23T12:05:00.000Z',
      { ...plain, timestamp: '2026-11-23T15:00:00+01:00' },
    ],
    ['event: got an array of 0, allowed: a JSON object', []],
  ])('%s', (message, event) => {
    expect(rejected(parse(event)).message).toBe(message);
  });

  test('a number beyond a float64 is never stored as null', () => {
    const infinitePrice = JSON.stringify(plain).replace('12.5', '1e999');
    expect(rejected(parseText(infinitePrice)).field).toBe('product.price');
    expect(rejected(parseText(plainWith('"x":{"deep":[1,-1e999]}'))).field).toBe('x.deep.1');
  });

  test.each(['__proto__', 'constructor', 'prototype'])(
    'the key %s is refused at any depth',
    (key) => {
      expect(rejected(parseText(plainWith(`"${key}":{"product":null}`))).field).toBe(key);
      expect(rejected(parseText(plainWith(`"x":[{"${key}":1}]`))).field).toBe(`x.0.${key}`);
      expect(
        rejected(
          parseText(JSON.stringify(plain).replace('"name"', `"${key}":{"polluted":1},"name"`)),
        ).field,
      ).toBe(`product.${key}`);
      expect(
        rejected(parseText(plainWith(`"\\u00${key.charCodeAt(0).toString(16)}${key.slice(1)}":1`)))
          .field,
      ).toBe(key);
      expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
    },
  );

  test('a field cannot be supplied through __proto__', () => {
    const { product, ...rest } = plain;
    expect(
      rejected(
        parseText(
          JSON.stringify(rest).replace('{', `{"__proto__":${JSON.stringify({ product })},`),
        ),
      ).reason,
    ).toBe('invalid_event');
  });

  test('size, depth and the number of unknown fields have exact bounds', () => {
    const padded = (bytes: number) =>
      plainWith(`"x":"${'x'.repeat(bytes - plainWith('"x":""').length)}"`);
    accepted(parseText(padded(eventLimits.bytesMax)));
    expect(rejected(parseText(padded(eventLimits.bytesMax + 1)))).toMatchObject({
      reason: 'too_large',
      message: 'event: got 262145 bytes, allowed: at most 262144',
    });
    expect(rejected(parseText(plainWith(`"x":[${'1e20,'.repeat(40_000)}1]`))).reason).toBe(
      'too_large',
    );

    const nested = (levels: number) =>
      plainWith(`"x":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}`);
    accepted(parseText(nested(eventLimits.depthMax)));
    expect(rejected(parseText(nested(eventLimits.depthMax + 1))).message).toContain(
      'more than 32 levels',
    );

    const manyFields = Array.from({ length: eventLimits.unknownFieldsMax + 1 }, (_, index) => [
      `x${index}`,
      index,
    ]);
    accepted(parse({ ...plain, ...Object.fromEntries(manyFields.slice(1)) }));
    expect(rejected(parse({ ...plain, ...Object.fromEntries(manyFields) })).message).toBe(
      'event: got 257 unknown fields, allowed: at most 256',
    );
  });

  test('bytes that are not UTF-8 and bytes that are not JSON get different reasons', () => {
    expect(rejected(parseEvent(Uint8Array.of(0x22, 0xff, 0x22), eventNow))).toMatchObject({
      reason: 'not_json',
      field: null,
    });
    expect(rejected(parseEvent(Uint8Array.of(0x22, 0xff, 0x22), eventNow)).message).toContain(
      'not UTF-8',
    );
    for (const text of ['', '{', 'NaN', '{"a":NaN}', '{} {}', "{'a':1}"])
      expect(rejected(parseText(text)).reason).toBe('not_json');
    accepted(parse(plain)); // The decoder works again after a failure.
  });

  test('hostile names and values are shown shortened and escaped', () => {
    const message = rejected(
      parseText(plainWith(`"${'k'.repeat(5000)}\\u202e\\u001b":1e999`)),
    ).message;
    expect(message.length).toBeLessThan(400);
    expect(rejected(parse({ ...plain, event_type: '\u001b[31m\u202e' })).message).toContain(
      String.raw`got "\u001b[31m\u202e"`,
    );
    expect(rejected(parse({ ...plain, user_id: '😀'.repeat(300) })).message).toContain(
      '(300 characters)',
    );
  });
});
