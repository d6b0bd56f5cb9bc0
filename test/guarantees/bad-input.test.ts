// Bad events through the real API: each is refused or dead-lettered with its field, the value and
// what is allowed; its neighbours are stored.

import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type RunningGateway } from '../helpers/gateway-program.ts';
import { shopEvent } from '../helpers/shop-events.ts';
import { readStore } from '../helpers/store-file.ts';
import { temporaryFolder, type TemporaryFolder } from '../helpers/temporary-folder.ts';

const utf8 = new TextEncoder();
const json = (fields: Readonly<Record<string, unknown>>): string =>
  JSON.stringify(shopEvent(fields));
const product = (fields: Readonly<Record<string, unknown>>): string =>
  json({ product: { id: 'p1', name: 'Storm lantern', price: 20, ...fields } });
/** A JSON member as literal text, for what `JSON.stringify` never writes. */
const literal = (member: string): string => `${json({}).slice(0, -1)},${member}}`;
const brokenUtf8 = (): Uint8Array<ArrayBuffer> => {
  const bytes = utf8.encode(json({ user_id: 'u-broken' }));
  bytes[bytes.indexOf('-'.charCodeAt(0), json({}).indexOf('user_id'))] = 0xff;
  return bytes;
};

/** Name, bytes, reason, field (`null`: any), and what the message must say. */
const badEvents: readonly (readonly [
  string,
  () => string | Uint8Array<ArrayBuffer>,
  string | null,
  string | null,
  RegExp,
])[] = [
  [
    'text that is not JSON',
    () => 'view;user-1',
    'not_json',
    null,
    /not JSON.*allowed: one JSON object/,
  ],
  ['JSON cut short', () => json({}).slice(0, 60), 'not_json', null, /not JSON/],
  ['invalid UTF-8', brokenUtf8, 'not_json', null, /not UTF-8/],
  ['a number', () => '42', 'invalid_event', null, /got 42, allowed: a JSON object/],
  ['null', () => 'null', 'invalid_event', null, /got null, allowed: a JSON object/],
  ['an empty object', () => '{}', 'invalid_event', 'event_id', /^event_id: got nothing/],
  ...['event_id', 'timestamp', 'user_id', 'event_type', 'product'].map(
    (field) =>
      [
        `no ${field}`,
        () => json({ [field]: undefined }),
        'invalid_event',
        field,
        new RegExp(`^${field}: got nothing, allowed: `),
      ] as const,
  ),
  [
    'a search without a query',
    () => json({ event_type: 'search', product: undefined }),
    'invalid_event',
    'search_query',
    /^search_query: got nothing/,
  ],
  [
    'a user that is a fraction',
    () => json({ user_id: 7.5 }),
    'invalid_event',
    'user_id',
    /got 7.5, allowed: 1 to 256 visible characters/,
  ],
  [
    'an unknown type',
    () => json({ event_type: 'teleport' }),
    'invalid_event',
    'event_type',
    /got "teleport", allowed: one of view, /,
  ],
  [
    'a product that is text',
    () => json({ product: 'lantern' }),
    'invalid_event',
    'product',
    /got "lantern", allowed: an object/,
  ],
  [
    'a price in words',
    () => product({ price: 'cheap' }),
    'invalid_event',
    'product.price',
    /got "cheap", allowed: a finite number from 0 to 1e9/,
  ],
  [
    'a negative price',
    () => product({ price: -1 }),
    'invalid_event',
    'product.price',
    /got -1, allowed: a finite number/,
  ],
  [
    'a price of NaN',
    () => literal('"product":{"id":"p","name":"n","price":NaN}'),
    'not_json',
    null,
    /not JSON/,
  ],
  [
    'an infinite price',
    () => literal('"product":{"id":"p","name":"n","price":1e999}'),
    'invalid_event',
    'product.price',
    /allowed: a finite number/,
  ],
  [
    'an infinite number in an unknown field',
    () => literal('"score":1e999'),
    'invalid_event',
    'score',
    /allowed: a finite number/,
  ],
  ['a blank name', () => product({ name: ' \t ' }), 'invalid_event', 'product.name', /not blank/],
  [
    'a time before 2000',
    () => json({ timestamp: '1999-12-31T23:59:59Z' }),
    'invalid_event',
    'timestamp',
    /got "1999-12-31T23:59:59Z", allowed: from 2000/,
  ],
  [
    'a time far ahead',
    () => json({ timestamp: '2999-01-01T00:00:00Z' }),
    'timestamp_ahead',
    'timestamp',
    /allowed: at most 300 seconds ahead/,
  ],
  [
    'a date without a time',
    () => json({ timestamp: '2026-01-01' }),
    'invalid_event',
    'timestamp',
    /allowed: an ISO 8601 date-time/,
  ],
  [
    'nesting of 60 levels',
    () => literal(`"deep":${'['.repeat(60)}${']'.repeat(60)}`),
    'invalid_event',
    null,
    /more than 32 levels/,
  ],
  [
    'nesting of 100,000 levels',
    () => literal(`"deep":${'['.repeat(100_000)}${']'.repeat(100_000)}`),
    null,
    null,
    /levels|not JSON/,
  ],
  [
    'the key __proto__',
    () => literal('"__proto__":{"admin":true}'),
    'invalid_event',
    '__proto__',
    /reserved name/,
  ],
  [
    'the key constructor in the product',
    () => literal('"product":{"id":"p","name":"n","price":1,"constructor":{"prototype":{}}}'),
    'invalid_event',
    'product.constructor',
    /reserved name/,
  ],
  [
    'an event of 10 MB',
    () => literal(`"note":"${'x'.repeat(10 * 2 ** 20)}"`),
    'too_large',
    null,
    /got 104\d+ bytes, allowed: at most 262144/,
  ],
];

const bytesOf = (event: string | Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  typeof event === 'string' ? utf8.encode(event) : event;
const newline = utf8.encode('\n');
const hashes = (values: readonly Uint8Array[]): readonly string[] =>
  values.map((value) => createHash('sha256').update(value).digest('hex')).toSorted();

let folder: TemporaryFolder;
let gateway: RunningGateway;
beforeAll(async () => {
  folder = await temporaryFolder();
  gateway = await startGateway(folder.path);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** Checks what every answer must say about a bad event. */
const told = ([, , reason, field, message]: (typeof badEvents)[number]) => ({
  message: expect.stringMatching(message),
  ...(field !== null && { field }),
  ...(reason !== null && { reason }),
});

describe.each([
  { onInvalid: 'reject', fate: 'rejected', deadLettersPerEvent: 0 },
  { onInvalid: 'dead_letter', fate: 'dead_lettered', deadLettersPerEvent: 1 },
])('on_invalid=$onInvalid', ({ onInvalid, fate, deadLettersPerEvent }) => {
  test(
    'every bad event is reported with reason, field and message; every neighbour is stored',
    { timeout: 240_000 },
    async () => {
      const before = readStore(folder.path);
      const neighbours = badEvents.map(() => shopEvent());
      const bytes = badEvents.map(([, make]) => bytesOf(make()));
      const lines = bytes.flatMap((bad, index) => [
        bytesOf(JSON.stringify(neighbours[index])),
        newline,
        bad,
        newline,
      ]);
      const { status, body } = await gateway.post(
        `/events?on_invalid=${onInvalid}`,
        new Uint8Array(Buffer.concat(lines)),
        'application/x-ndjson',
      );
      expect(status).toBe(202);
      expect(body).toMatchObject({
        accepted: badEvents.length,
        rejected: 0,
        dead_lettered: 0,
        [fate]: badEvents.length,
        items: badEvents.flatMap((bad, index) => {
          const { reason: code, ...rest } = { reason: expect.any(String), ...told(bad) };
          return [
            { index: 2 * index, event_id: neighbours[index]?.event_id, status: 'accepted' },
            { index: 2 * index + 1, status: fate, error: { code, ...rest } },
          ];
        }),
      });

      await gateway.ready();
      await gateway.idle();
      const after = readStore(folder.path);
      expect(neighbours.filter(({ event_id: id }) => !after.eventIds.includes(id))).toEqual([]);
      expect(after.eventIds).toHaveLength(before.eventIds.length + neighbours.length);
      const deadLetters = after.deadLetters.slice(before.deadLetters.length);
      // The bytes are exactly those sent, so that the dead letter can be read and replayed.
      expect(hashes(deadLetters.map(({ value }) => value))).toEqual(
        hashes(deadLettersPerEvent === 0 ? [] : bytes),
      );
      expect(deadLetters).toEqual(
        expect.arrayContaining(
          badEvents.slice(0, deadLetters.length).map((bad) => expect.objectContaining(told(bad))),
        ),
      );
    },
  );
});

test.for([
  [
    'reject',
    400,
    'application/problem+json',
    { code: 'no_event_accepted', accepted: 0, rejected: 1 },
    'rejected',
  ],
  ['dead_letter', 202, 'application/json', { accepted: 0, dead_lettered: 1 }, 'dead_lettered'],
] as const)(
  'with on_invalid=%s the answer to a single bad event names its field',
  async ([onInvalid, status, type, counts, fate]) => {
    const answer = await gateway.post(`/events?on_invalid=${onInvalid}`, product({ price: -5 }));
    expect([answer.status, answer.type.split(';')[0]]).toEqual([status, type]);
    const error = {
      code: 'invalid_event',
      field: 'product.price',
      message: expect.stringMatching(/^product\.price: got -5, allowed: /),
    };
    expect(answer.body).toMatchObject({
      ...counts,
      items: [{ index: 0, event_id: expect.any(String), status: fate, error }],
    });
  },
);

test.for([
  ['no body', '', 'application/json', 400, 'no_events'],
  ['an empty array', '[]', 'application/json', 400, 'no_events'],
  ['not JSON', '{"event_id":', 'application/json', 400, 'malformed_json'],
  ['a form', 'a=1', 'application/x-www-form-urlencoded', 415, 'unsupported_media_type'],
  ['20 MB', 'x'.repeat(20 * 2 ** 20), 'application/json', 413, 'body_too_large'],
  [
    '6,000 events',
    `[${Array.from({ length: 6_000 }, () => '1').join(',')}]`,
    'application/json',
    413,
    'too_many_events',
  ],
] as const)(
  'a request with %s ends in a problem document',
  async ([, body, mediaType, status, code]) => {
    const answer = await gateway.post('/events', body, mediaType);
    expect([answer.status, answer.type]).toEqual([status, 'application/problem+json']);
    expect(answer.body).toMatchObject({
      status,
      code,
      detail: expect.any(String),
      request_id: expect.any(String),
      timestamp: expect.any(String),
    });
    expect(JSON.stringify(answer.body)).not.toMatch(/\bat .*\.ts:\d+/);
  },
);

test('no bad input was logged as an error', () => {
  const severe = gateway
    .stdout()
    .split('\n')
    .filter((line) => /"level":(50|60)/.test(line));
  expect([severe, gateway.stderr()]).toEqual([[], '']);
});
