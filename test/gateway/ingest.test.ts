// POST /events: what is accepted byte for byte, and what happens to every kind of invalid event.

import { describe, expect, test } from 'vitest';
import { readRecord } from '#core/decode/read-record.ts';
import { LogFullError } from '#core/errors/errors.ts';
import { storedIdOf } from '#core/event/event-id.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import type { LogRecord } from '#core/ports.ts';
import { mappingsOf } from '../../gateway/config/record-mappings.ts';
import { event, problemOf, testApp } from './test-services.ts';

const text = (value: Uint8Array | undefined): string => new TextDecoder().decode(value);
const eventOf = (
  value: Uint8Array | undefined,
): { readonly event_id: string; readonly product: { readonly id: string } } =>
  JSON.parse(text(value));
const ndjson = { 'content-type': 'application/x-ndjson' };

describe('POST /events accepts', () => {
  test('one event, keyed by its user, byte for byte, with the id of the request', async () => {
    const { post, appended } = testApp();
    const body = `  ${JSON.stringify(event({ surprise: [1.0] }), null, 2)}\n`;
    const response = await post('/events', body, { 'x-request-id': 'req-7' });
    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({
      accepted: 1,
      rejected: 0,
      dead_lettered: 0,
      items: [{ index: 0, event_id: 'e-1', status: 'accepted' }],
    });
    expect(appended).toHaveLength(1);
    expect(text(appended[0]?.value)).toBe(body);
    expect(text(appended[0]?.key ?? undefined)).toBe('u-1');
    expect(text(appended[0]?.headers['x-request-id'])).toBe('req-7');
  });

  test('says of a version that the store has, or has newer, that it changes nothing', async () => {
    const { post, services } = testApp();
    const [at, before, after] = ['00:00Z', '59:59Z', '00:01Z'].map((end, index) =>
      Date.parse(`2025-12-31T${index === 1 ? '22' : '23'}:${end}`),
    );
    for (const timestamp of [at ?? 0, before ?? 0])
      services.versions.add({ id: storedIdOf('e-1'), timestamp });
    const sent = [at, before, after].map((ms) => event({ timestamp: new Date(ms ?? 0) }));
    const answer = await (await post('/events', [...sent, event({ event_id: 'e-2' })])).json();
    expect(answer).toMatchObject({ accepted: 4 });
    expect(answer.items).toEqual([
      { index: 0, event_id: 'e-1', status: 'accepted', superseded: true },
      { index: 1, event_id: 'e-1', status: 'accepted', superseded: true },
      { index: 2, event_id: 'e-1', status: 'accepted' },
      { index: 3, event_id: 'e-2', status: 'accepted' },
    ]);
  });

  test('an array, answering per item and in order', async () => {
    const { post, appended } = testApp();
    const response = await post('/events', [
      event(),
      event({ event_id: 'e-2', product: { id: 'p', name: 'x', price: -1 } }),
      event({ event_id: 'e-3' }),
    ]);
    expect(response.status).toBe(202);
    const result = await response.json();
    expect(result).toMatchObject({ accepted: 2, rejected: 1, dead_lettered: 0 });
    expect(
      result.items.map(({ event_id, status }: Record<string, unknown>) => [event_id, status]),
    ).toEqual([
      ['e-1', 'accepted'],
      ['e-2', 'rejected'],
      ['e-3', 'accepted'],
    ]);
    expect(result.items[1].error).toMatchObject({ code: 'invalid_event', field: 'product.price' });
    expect(appended).toHaveLength(2);
  });

  test('NDJSON, where a line that is not UTF-8 leaves its neighbours whole', async () => {
    const { post, appended } = testApp();
    const line = new TextEncoder().encode(`${JSON.stringify(event())}\n\n`);
    const body = new Uint8Array([...line, 0xff, 0xfe, 0x0a, ...line]);
    const response = await post('/events', body, ndjson);
    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({
      accepted: 2,
      rejected: 1,
      items: [
        { status: 'accepted' },
        { status: 'rejected', event_id: null, error: { code: 'not_json' } },
        { status: 'accepted' },
      ],
    });
    expect(text(appended[1]?.value)).toBe(JSON.stringify(event()));
  });
});

describe('invalid events', () => {
  test('are all reported with their reasons when none could be accepted', async () => {
    const { post, appended } = testApp();
    const response = await post('/events', [
      event({ timestamp: 'yesterday' }),
      event({ user_id: 7.5 }),
      3,
    ]);
    const problem = await problemOf(response);
    expect(problem).toMatchObject({
      status: 400,
      code: 'no_event_accepted',
      accepted: 0,
      rejected: 3,
    });
    expect(problem['items']).toHaveLength(3);
    expect(problem['detail']).toContain('timestamp');
    expect(appended).toHaveLength(0);
  });

  test('go to the dead-letter queue byte for byte when the sender wants that', async () => {
    const { post, appended } = testApp();
    const response = await post(
      '/events?on_invalid=dead_letter',
      `${JSON.stringify(event())}\n{"event_id":"bad"\n`,
      ndjson,
    );
    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({
      accepted: 1,
      rejected: 0,
      dead_lettered: 1,
      items: [{ status: 'accepted' }, { status: 'dead_lettered', error: { code: 'not_json' } }],
    });
    expect(appended.map(({ key, value }) => [key === null, text(value)])).toEqual([
      [false, JSON.stringify(event())],
      [true, '{"event_id":"bad"'],
    ]);
  });

  test('a body that is not JSON is a 400, or one record for the dead-letter queue', async () => {
    const { post, appended } = testApp();
    expect(await problemOf(await post('/events', '[{"a":1}, '))).toMatchObject({
      status: 400,
      code: 'malformed_json',
      rejected: 1,
    });
    expect((await post('/events?on_invalid=dead_letter', '[{"a":1}, ')).status).toBe(202);
    expect(appended.map(({ value }) => text(value))).toEqual(['[{"a":1}, ']);
  });

  test('of every hostile kind are rejected alone', async () => {
    const { post } = testApp();
    const deep = `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`;
    const hostile = [
      'null',
      '1',
      '"x"',
      '[]',
      '{}',
      '{"__proto__":{"admin":true}}',
      deep,
      JSON.stringify(event()).replace('12.5', '1e999'),
      JSON.stringify(event()).replace('12.5', 'NaN'),
      JSON.stringify(event({ timestamp: '9999-01-01T00:00:00Z' })),
      JSON.stringify(event({ note: 'x'.repeat(1_000_000) })),
    ];
    const response = await post(
      '/events',
      [...hostile, JSON.stringify(event())].join('\n'),
      ndjson,
    );
    expect(await response.json()).toMatchObject({ accepted: 1, rejected: hostile.length });
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
  });
});

describe('a request that is refused as a whole', () => {
  test.each([
    ['no content type', { 'content-type': '' }, '{}', 415, 'unsupported_media_type'],
    ['text', { 'content-type': 'text/plain' }, '{}', 415, 'unsupported_media_type'],
    [
      'an unknown compression',
      { 'content-encoding': 'compress' },
      '{}',
      415,
      'unsupported_content_encoding',
    ],
    [
      'wrongly declared as compressed',
      { 'content-encoding': 'gzip' },
      '{}',
      400,
      'body_not_decodable',
    ],
    ['empty', {}, '', 400, 'no_events'],
    ['an empty array', {}, '[]', 400, 'no_events'],
    ['blank lines', ndjson, '\n \n', 400, 'no_events'],
    ['too many events', {}, `[${'1,'.repeat(10)}1]`, 413, 'too_many_events'],
    ['too many bytes', {}, ' '.repeat(5000), 413, 'body_too_large'],
  ])('%s', async (_name, headers, body, status, code) => {
    const { post, appended } = testApp(
      {},
      {
        VECTORSTREAM_INGEST_EVENTS_PER_REQUEST_MAX: '10',
        VECTORSTREAM_INGEST_BODY_BYTES_MAX: '4096',
      },
    );
    expect(await problemOf(await post('/events', body, headers))).toMatchObject({ status, code });
    expect(appended).toHaveLength(0);
  });

  test('a wrong on_invalid names the parameter', async () => {
    const problem = await problemOf(await testApp().post('/events?on_invalid=ignore', event()));
    expect(problem).toMatchObject({ status: 422, code: 'validation_failed' });
    expect(problem['detail']).toContain('on_invalid');
  });

  test('a full log gives 429 and says when to retry', async () => {
    const { post } = testApp({
      sink: {
        append: () => Promise.reject(new LogFullError('The log is full.')),
        async [Symbol.asyncDispose]() {},
      },
    });
    const response = await post('/events', event());
    expect(await problemOf(response)).toMatchObject({ status: 429, code: 'log_full' });
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  });
});

describe('POST /events?mapping=NAME', () => {
  const viewed = {
    type: 'track',
    event: 'Product Viewed',
    messageId: 'm-1',
    userId: 'u-7',
    timestamp: '2025-12-31T10:00:00Z',
    properties: { product_id: 'p-1', name: 'Kettle', price: '39.90' },
  };
  const [kettle, cup] = [
    { product_id: 'p-1', name: 'Kettle', price: 39.9, quantity: 1 },
    { product_id: 'p-2', name: 'Cup', price: 4, quantity: 6 },
  ];
  const ordered = (...products: readonly object[]) => ({
    ...viewed,
    event: 'Order Completed',
    messageId: 'm-2',
    properties: { order_id: 'o-1', products },
  });

  test("writes events of another format in VectorStream's, keyed by their users", async () => {
    const { post, appended } = testApp();
    const answer = await (await post('/events?mapping=segment', [viewed, event()])).json();
    expect(answer).toMatchObject({ accepted: 2, rejected: 0, ignored: 0 });
    expect(appended.map(({ key }) => text(key ?? undefined))).toEqual(['u-7', 'u-1']);
    expect(eventOf(appended[0]?.value)).toMatchObject({
      event_id: 'm-1',
      event_type: 'view',
      user_id: 'u-7',
      product: { id: 'p-1', name: 'Kettle', price: 39.9 },
    });
  });

  test('makes an event of each item, with the same ids when the order is sent again', async () => {
    const { post, appended } = testApp();
    const path = '/events?mapping=segment-orders';
    expect(await (await post(path, [ordered(kettle, cup), ordered(cup)])).json()).toMatchObject({
      accepted: 3,
      items: [{ index: 0 }, { index: 0 }, { index: 1 }],
    });
    await post(path, ordered(kettle, cup));
    const ids = appended.map(({ value }) => eventOf(value).event_id);
    expect(new Set(ids.slice(0, 2)).size).toBe(2);
    expect(ids.slice(3)).toEqual(ids.slice(0, 2));
  });

  test('says which condition or member an event fails, and refuses one without an id', async () => {
    const { messageId: _, ...anonymous } = viewed;
    const other = { ...viewed, event: 'Page Viewed' };
    const nameless = { ...viewed, properties: { product_id: 'p-1' } };
    const { post } = testApp();
    const problem = await problemOf(
      await post('/events?mapping=segment', [other, nameless, anonymous]),
    );
    expect(problem).toMatchObject({ status: 400, code: 'no_event_accepted', rejected: 3 });
    expect(JSON.stringify(problem['items'])).toMatch(
      /Page Viewed.*\{event\}.*Product Viewed.*no product name.*event_id: got nothing/,
    );
  });

  test('leaves an invalid item for the dead-letter queue, which names the mapping', async () => {
    const { post, appended, services } = testApp();
    const path = '/events?mapping=segment-orders&on_invalid=dead_letter';
    const answer = await (await post(path, ordered(kettle, { ...cup, name: '' }))).json();
    expect(answer).toMatchObject({ accepted: 1, dead_lettered: 1 });
    const letter = appended[1];
    if (letter === undefined) throw new Error('There is no second record.');
    const mappings = mappingsOf(services.config);
    const rules = { now: services.clock.now(), limits: eventLimits, mappings };
    const read = (record: LogRecord) =>
      readRecord({ ...record, position: { topic: 't', partition: 0, offset: 0 } }, rules);
    expect(read(letter)).toMatchObject([
      { read: { reason: 'invalid_event', message: answer.items[1].error.message } },
    ]);
    const corrected = text(letter.value).replace('"name":""', '"name":"Cup"');
    expect(read({ ...letter, value: new TextEncoder().encode(corrected) })).toMatchObject([
      { read: { event: { product: { id: 'p-2', name: 'Cup' } } } },
    ]);
  });

  test('refuses a body whose invalid items would write many times its bytes', async () => {
    const { post, appended } = testApp({}, { VECTORSTREAM_INGEST_BODY_BYTES_MAX: '65536' });
    const note = 'x'.repeat(20_000);
    const products = Array.from({ length: 40 }, () => ({ ...kettle, name: '' }));
    const path = '/events?mapping=segment-orders&on_invalid=dead_letter';
    const problem = await problemOf(await post(path, { ...ordered(...products), note }));
    expect(problem).toMatchObject({ status: 413, code: 'body_too_large' });
    expect(appended).toEqual([]);
    expect((await post(path, { ...ordered(...products.slice(0, 4)), note })).status).toBe(202);
    expect(appended).toHaveLength(4);
  });

  test('refuses lists in lists of any depth around the items', async () => {
    const lists = '['.repeat(100_000) + ']'.repeat(100_000);
    const body = JSON.stringify({ ...ordered(), properties: 0 }).replace('0}', `${lists}}`);
    const { post } = testApp();
    const problem = await problemOf(await post('/events?mapping=segment-orders', body));
    expect(problem).toMatchObject({
      status: 400,
      items: [{ error: { message: expect.stringMatching(/nesting of more than 32 levels/) } }],
    });
    const kept = await post('/events?mapping=segment-orders&on_invalid=dead_letter', body);
    expect(await kept.json()).toMatchObject({ dead_lettered: 1 });
  });

  test('of a mapping that does not exist lists those that do', async () => {
    const response = await testApp().post('/events?mapping=../../secret', viewed);
    expect(await problemOf(response)).toMatchObject({
      status: 422,
      code: 'unknown_mapping',
      detail: expect.stringMatching(/"\.\.\/\.\.\/secret"; allowed are .*segment.*snowplow/),
    });
  });
});
