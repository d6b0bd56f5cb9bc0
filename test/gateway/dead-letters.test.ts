// Dead letters over HTTP: found and shown with every byte, replayed within bounds, and purged only
// after their number was confirmed.

import { describe, expect, test } from 'vitest';
import { DependencyError, LogFullError } from '#core/errors/errors.ts';
import { uuidV5 } from '#core/event/uuid.ts';
import { createMemoryDeadLetters } from '#core/memory/memory-dead-letters.ts';
import type { DeadLetter, DeadLetters, LogRecord } from '#core/ports.ts';
import { problemOf, testApp, event, type TestApp } from './test-services.ts';

const utf8 = new TextEncoder();
const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);
const headersOf = ({ headers }: LogRecord): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, textOf(value)]));

function deadLetter(
  offset: number,
  value: Uint8Array | string,
  changes: Partial<DeadLetter> = {},
): DeadLetter {
  return {
    id: uuidV5(`events/0/${offset}`),
    value: typeof value === 'string' ? utf8.encode(value) : value,
    failedAt: offset,
    key: new Uint8Array([0xff]),
    headers: { trace: utf8.encode('r-1') },
    timestamp: 5,
    origin: { topic: 'events', partition: 0, offset },
    reason: 'not_json',
    message: 'not JSON',
    field: null,
    eventId: null,
    attempts: 1,
    runner: null,
    ...changes,
  };
}
const idOf = (offset: number): string => uuidV5(`events/0/${offset}`);
const valid = (name: string): string => JSON.stringify(event({ event_id: name }));

async function appWith(
  entries: readonly DeadLetter[],
  changes: Partial<TestApp['services']> = {},
  env: Record<string, string> = {},
): Promise<TestApp> {
  const deadLetters = changes.deadLetters ?? createMemoryDeadLetters();
  await deadLetters.put(entries);
  return testApp({ ...changes, deadLetters }, env);
}
/** Status, code and detail. */
const refusedWith = async (response: Promise<Response>): Promise<[number, unknown, unknown]> => {
  const answer = await response;
  const problem = await problemOf(answer);
  return [answer.status, problem['code'], problem['detail']];
};
const anyText = expect.any(String);

describe('finding', () => {
  test('shows bytes as text, or as base64 where text would lose some', async () => {
    const long = utf8.encode('é'.repeat(4000));
    const { request } = await appWith([
      deadLetter(1, '{"broken'),
      deadLetter(2, new Uint8Array([0xc3, 0x28])),
      deadLetter(3, long.subarray(1)),
      deadLetter(4, long),
    ]);
    const page = await (await request('/dlq/messages?limit=3&reason=not_json&state=open')).json();
    expect(page.items.map(({ id }: { id: string }) => id)).toEqual([4, 3, 2].map(idOf));
    expect(page.items[0]).toMatchObject({
      value_bytes: 8000,
      value_truncated: true,
      value: 'é'.repeat(2048),
      base64: ['key'],
      headers: { trace: 'r-1' },
      key: '/w==',
    });
    expect(page.items[2]).toMatchObject({
      value: 'wyg=',
      base64: ['key', 'value'],
      value_truncated: false,
    });
    const next = await (await request(`/dlq/messages?limit=3&cursor=${page.next_cursor}`)).json();
    expect(next).toMatchObject({
      items: [
        {
          id: idOf(1),
          value: '{"broken',
          reason: 'not_json',
          redrive_count: 0,
          replayed: null,
          purged: null,
        },
      ],
      next_cursor: null,
    });
    expect(await (await request(`/dlq/messages/${idOf(4)}`)).json()).toMatchObject({
      value: 'é'.repeat(4000),
      value_truncated: false,
    });
    expect(await problemOf(await request('/dlq/messages/zzz'))).toMatchObject({ status: 404 });
    expect(await (await request('/dlq/stats')).json()).toMatchObject({
      by_state: { open: 4 },
      by_reason: { not_json: 4, too_large: 0 },
      open_by_reason: { not_json: 4, too_large: 0 },
    });
    expect((await (await request('/dlq/messages?text=BROKEN')).json()).items).toHaveLength(1);
    for (const query of [
      'reason=bad',
      'text=',
      `text=${'x'.repeat(201)}`,
      'since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z',
    ]) {
      expect(await problemOf(await request(`/dlq/messages?${query}`))).toMatchObject({
        status: 422,
      });
    }
  });
});

describe('replaying one', () => {
  test('keeps key, value and headers; adds the first failure and the replay count', async () => {
    const { post, request, appended, logged, services } = await appWith([
      deadLetter(7, valid('e-7')),
    ]);
    const answer = await post(`/dlq/replay/${idOf(7)}`, {});
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { id: idOf(7), position: { topic: expect.any(String), partition: 0, offset: 0 } },
    ]);
    expect(appended).toHaveLength(1);
    expect([appended[0]?.key, textOf(appended[0]?.value), appended[0]?.timestamp]).toEqual([
      new Uint8Array([0xff]),
      valid('e-7'),
      services.clock.now(),
    ]);
    expect(headersOf(appended[0]!)).toEqual({
      trace: 'r-1',
      'vectorstream.redrive-count': '1',
      'vectorstream.first-timestamp': '5',
      '__connect.errors.topic': 'events',
      '__connect.errors.partition': '0',
      '__connect.errors.offset': '7',
      '__connect.errors.stage': 'VALUE_CONVERTER',
      '__connect.errors.exception.class.name': 'vectorstream.not_json',
      '__connect.errors.exception.message': 'not JSON',
    });
    expect(await (await request(`/dlq/messages/${idOf(7)}`)).json()).toMatchObject({
      state: 'replayed',
      redrive_count: 1,
      replayed: { by: 'anybody', position: { offset: 0 } },
    });
    const line =
      logged()
        .split('\n')
        .find((each) => each.includes('dead_letters_replayed')) ?? '{}';
    expect(JSON.parse(line)).toMatchObject({
      action: 'dead_letters_replayed',
      by: 'anybody',
      count: 1,
      dead_letter_ids: [idOf(7)],
    });
    const metrics = await (await request('/metrics')).text();
    for (const series of [
      'dead_letters{state="open"} 0',
      'dead_letters{state="replayed"} 1',
      'dead_letter_actions_total{action="replayed"} 1',
    ])
      expect(metrics).toContain(`vectorstream_${series}\n`);
  });

  test('a second time is refused with who did it and when, unless forced', async () => {
    const { post, appended } = await appWith([deadLetter(7, valid('e-7'))]);
    expect((await post(`/dlq/replay/${idOf(7)}`, {})).status).toBe(200);
    expect(await refusedWith(post(`/dlq/replay/${idOf(7)}`, {}))).toEqual([
      409,
      'already_replayed',
      expect.stringMatching(/^It was replayed by anybody at \d{4}-.*\/0\/0\. Use force/),
    ]);
    expect((await post(`/dlq/replay/${idOf(7)}`, { force: true })).status).toBe(200);
    expect(appended.map((record) => headersOf(record)['vectorstream.redrive-count'])).toEqual([
      '1',
      '2',
    ]);
  });

  test('refuses an event that would fail again, until it is corrected or forced', async () => {
    const { post, appended } = await appWith([
      deadLetter(1, '{"broken', { key: null }),
      deadLetter(2, '{"broken'),
    ]);
    expect(await refusedWith(post(`/dlq/replay/${idOf(1)}`, {}))).toEqual([
      422,
      'still_invalid',
      expect.stringContaining('It would fail again: event: '),
    ]);
    expect(
      await refusedWith(
        post(`/dlq/replay/${idOf(1)}`, {
          payload: event({ product: { id: 'p', name: 'Kettle', price: '12,-' } }),
        }),
      ),
    ).toEqual([422, 'still_invalid', expect.stringContaining('product.price: got "12,-"')]);
    expect(
      (await post(`/dlq/replay/${idOf(1)}`, { payload: event({ event_id: 'as-object' }) })).status,
    ).toBe(200);
    expect((await post(`/dlq/replay/${idOf(2)}`, { payload: ` ${valid('as-text')}` })).status).toBe(
      200,
    );
    expect(appended.map(({ value }) => textOf(value))).toEqual([
      valid('as-object'),
      ` ${valid('as-text')}`,
    ]);
    // A missing key becomes the user id; an existing key stays.
    expect(appended.map(({ key }) => key)).toEqual([utf8.encode('u-1'), new Uint8Array([0xff])]);
    expect((await post(`/dlq/replay/${idOf(2)}`, { force: true })).status).toBe(200);
    expect(textOf(appended[2]?.value)).toBe('{"broken');
  });

  test('an event at its limit of replays is replayed only when forced', async () => {
    const headers = { 'vectorstream.redrive-count': utf8.encode('3') };
    const { post, appended } = await appWith([deadLetter(1, valid('e-1'), { headers })]);
    expect(await refusedWith(post(`/dlq/replay/${idOf(1)}`, {}))).toEqual([
      409,
      'redriven_too_often',
      expect.stringContaining('replayed 3 times and failed each time; at most 3'),
    ]);
    expect((await post(`/dlq/replay/${idOf(1)}`, { force: true })).status).toBe(200);
    expect(headersOf(appended[0]!)).toMatchObject({ 'vectorstream.redrive-count': '4' });
    const higher = await appWith(
      [deadLetter(1, valid('e-1'), { headers })],
      {},
      { VECTORSTREAM_INGEST_REDRIVES_MAX: '4' },
    );
    expect((await higher.post(`/dlq/replay/${idOf(1)}`, {})).status).toBe(200);
  });

  test('needs no body; wrong ids, members and bodies have their own codes', async () => {
    const { post, request } = await appWith([deadLetter(1, valid('e-1'))]);
    expect((await request(`/dlq/replay/${idOf(1)}`, { method: 'POST' })).status).toBe(200);
    expect(await refusedWith(post('/dlq/replay/zzz', {}))).toEqual([
      404,
      'dead_letter_not_found',
      anyText,
    ]);
    expect(await refusedWith(post(`/dlq/replay/${idOf(1)}`, { forced: true }))).toEqual([
      422,
      'validation_failed',
      anyText,
    ]);
    expect(await refusedWith(post(`/dlq/replay/${idOf(1)}`, { payload: 3 }))).toMatchObject([
      422,
      'validation_failed',
      expect.stringContaining('the event as an object, or its bytes as text'),
    ]);
    const deep = `{"payload":{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}}`;
    expect(await refusedWith(post(`/dlq/replay/${idOf(1)}`, deep))).toEqual([
      422,
      'validation_failed',
      expect.stringContaining('payload: nested in more than 32 levels'),
    ]);
    expect(await refusedWith(post(`/dlq/replay/${idOf(1)}`, '{"payload":'))).toEqual([
      400,
      'malformed_json',
      anyText,
    ]);
    expect(
      await refusedWith(post(`/dlq/replay/${idOf(1)}`, { payload: 'x'.repeat(700_000) })),
    ).toEqual([413, 'body_too_large', anyText]);
  });

  test('reports when the status cannot be written, and is safe to repeat', async () => {
    const kept = createMemoryDeadLetters();
    let failures = 1;
    const deadLetters: DeadLetters = {
      ...kept,
      async setStatus(changes) {
        if (failures-- > 0)
          throw new DependencyError('kafka', 'kafka_unavailable', 'The broker is gone.', {
            retryable: true,
          });
        await kept.setStatus(changes);
      },
    };
    const { post, request, appended } = await appWith([deadLetter(1, valid('e-1'))], {
      deadLetters,
    });
    expect(await refusedWith(post(`/dlq/replay/${idOf(1)}`, {}))).toMatchObject([
      503,
      'kafka_unavailable',
      expect.stringContaining(
        '1 dead letters were replayed, but their status could not be written',
      ),
    ]);
    expect(await (await request(`/dlq/messages/${idOf(1)}`)).json()).toMatchObject({
      state: 'open',
      redrive_count: 0,
    });
    expect((await post(`/dlq/replay/${idOf(1)}`, {})).status).toBe(200);
    // The same event twice: the store recognises the second by its id.
    expect(appended.map(({ value }) => textOf(value))).toEqual([valid('e-1'), valid('e-1')]);
  });
});

/** Every fifth is still invalid. */
const many = (count: number): DeadLetter[] =>
  Array.from({ length: count }, (_, i) =>
    deadLetter(
      i + 1,
      i % 5 === 4 ? '{"broken' : valid(`e-${i + 1}`),
      i % 2 === 0 ? {} : { reason: 'store_rejected' },
    ),
  );

describe('replaying many', () => {
  test('two concurrent calls replay each dead letter once', async () => {
    const { post, appended } = await appWith(many(50));
    const reports: { replayed: number }[] = await Promise.all(
      [1, 2].map(async () => (await post('/dlq/replay/batch', {})).json()),
    );
    expect(reports.reduce((sum, { replayed }) => sum + replayed, 0)).toBe(40);
    expect(new Set(appended.map(({ value }) => textOf(value))).size).toBe(40);
    expect(appended).toHaveLength(40);
  });

  test('a dry run counts and names the dead letters, and writes nothing', async () => {
    const { post, appended, services } = await appWith(many(50));
    const report = await (
      await post('/dlq/replay/batch', {
        filter: { reason: 'store_rejected' },
        dry_run: true,
        limit: 10,
      })
    ).json();
    expect(report).toMatchObject({
      dry_run: true,
      matching: 25,
      replayed: 8,
      refused: 2,
      ids: [50, 48, 46, 44, 42, 38, 36, 34, 32, 40].filter((id) => id % 5 !== 0).map(idOf),
      trouble: null,
    });
    expect(report.refusals).toEqual([
      { id: idOf(50), code: 'still_invalid', detail: expect.any(String) },
      { id: idOf(40), code: 'still_invalid', detail: expect.any(String) },
    ]);
    expect(report.next_cursor).toEqual(expect.any(String));
    expect([appended.length, (await services.deadLetters.stats()).byState.open]).toEqual([0, 50]);
  });

  test('continues from each cursor to the end; a second pass finds only refused ones', async () => {
    const { post, appended, services } = await appWith(many(450));
    const calls: { replayed: number; refused: number }[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const report: { replayed: number; refused: number; next_cursor: string | null } = await (
        await post('/dlq/replay/batch', { limit: 200, ...(cursor && { cursor }) })
      ).json();
      calls.push({ replayed: report.replayed, refused: report.refused });
      cursor = report.next_cursor;
    }
    expect(calls).toEqual([
      { replayed: 160, refused: 40 },
      { replayed: 160, refused: 40 },
      { replayed: 40, refused: 10 },
    ]);
    expect([appended.length, new Set(appended.map(({ value }) => textOf(value))).size]).toEqual([
      360, 360,
    ]);
    expect((await services.deadLetters.stats()).byState).toEqual({
      open: 90,
      replayed: 360,
      purged: 0,
    });
    expect(await (await post('/dlq/replay/batch', {})).json()).toMatchObject({
      replayed: 0,
      refused: 90,
      next_cursor: null,
    });
    expect(
      await (await post('/dlq/replay/batch', { filter: { state: 'replayed' } })).json(),
    ).toMatchObject({
      replayed: 0,
      refused: 360,
      refusals: expect.arrayContaining([expect.objectContaining({ code: 'already_replayed' })]),
    });
  });

  test('stays below the rate, and ends when its client disconnects', async () => {
    const gone = new AbortController();
    const slept: number[] = [];
    const base = testApp().services.clock;
    const clock = {
      now: () => base.now(),
      monotonic: () => base.monotonic(),
      sleep: async (ms: number) => {
        slept.push(ms);
        if (slept.length === 3) gone.abort();
      },
    };
    const { appended, request } = await appWith(
      many(40).map((each) => ({ ...each, value: utf8.encode(valid(each.id)) })),
      { clock },
    );
    await request('/dlq/replay/batch', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ rate: 4 }),
      signal: gone.signal,
    });
    // The clock stands still: after every four dead letters it waits for all replayed so far.
    expect(slept).toEqual([1000, 2000, 3000]);
    expect(appended).toHaveLength(12);
  });

  test.each([
    [
      'kafka_unavailable',
      503,
      new DependencyError('kafka', 'kafka_unavailable', 'The broker is gone.', { retryable: true }),
    ],
    ['log_full', 429, new LogFullError('The log is full.')],
  ] as const)(
    'an error in between (%s) ends it, and says what was done and where to continue',
    async (code, status, error) => {
      const { sink } = (await appWith([])).services;
      let appends = 0;
      const { post } = await appWith(many(250), {
        sink: {
          ...sink,
          append: (records) => (++appends > 1 ? Promise.reject(error) : sink.append(records)),
        },
      });
      expect(await (await post('/dlq/replay/batch', {})).json()).toMatchObject({
        replayed: 80,
        refused: 20,
        trouble: error.message,
        next_cursor: anyText,
      });
      expect(await refusedWith(post('/dlq/replay/batch', {}))).toEqual([status, code, anyText]);
    },
  );

  test('a record that the source refuses permanently does not block the others', async () => {
    const app = await appWith([]);
    const { sink } = app.services;
    const { post } = await appWith(
      [
        deadLetter(1, valid('fits')),
        deadLetter(2, valid('refused')),
        deadLetter(3, valid('fits-too')),
      ],
      {
        sink: {
          ...sink,
          append: (records) =>
            records.some(({ value }) => textOf(value).includes('"refused"'))
              ? Promise.reject(
                  new DependencyError('kafka', 'kafka_message_too_large', 'Too large.', {
                    retryable: false,
                  }),
                )
              : sink.append(records),
        },
      },
    );
    expect(await (await post('/dlq/replay/batch', {})).json()).toMatchObject({
      replayed: 2,
      refusals: [{ id: idOf(2), code: 'refused_by_source', detail: 'Too large.' }],
    });
    expect(await refusedWith(post(`/dlq/replay/${idOf(2)}`, {}))).toEqual([
      422,
      'refused_by_source',
      anyText,
    ]);
  });

  test.each([
    [{ limit: 1001 }],
    [{ limit: 0 }],
    [{ rate: 0 }],
    [{ filter: { state: 'closed' } }],
    [{ cursor: 'abc' }],
    [{ dryRun: true }],
  ])('refuses %j', async (body) => {
    expect(await refusedWith((await appWith([])).post('/dlq/replay/batch', body))).toEqual([
      422,
      'validation_failed',
      anyText,
    ]);
  });
});

describe('purging', () => {
  test('one removes its payload at once and for good, and keeps its reason', async () => {
    const { request, post } = await appWith([deadLetter(1, 'private')]);
    expect((await request(`/dlq/messages/${idOf(1)}`, { method: 'DELETE' })).status).toBe(204);
    expect(await (await request(`/dlq/messages/${idOf(1)}`)).json()).toMatchObject({
      state: 'purged',
      value: '',
      value_bytes: 7,
      key: null,
      headers: {},
      reason: 'not_json',
      purged: { by: 'anybody' },
    });
    expect((await request(`/dlq/messages/${idOf(1)}`, { method: 'DELETE' })).status).toBe(204);
    expect((await request('/dlq/messages/zzz', { method: 'DELETE' })).status).toBe(404);
    expect(
      await refusedWith(post(`/dlq/replay/${idOf(1)}`, { force: true, payload: event() })),
    ).toMatchObject([409, 'purged', expect.stringContaining('purged by anybody')]);
  });

  test('many takes two calls: the first counts, the second confirms the count', async () => {
    const { post, services, logged } = await appWith(
      Array.from({ length: 1203 }, (_, i) =>
        deadLetter(i, 'x', { reason: i % 2 === 0 ? 'not_json' : 'too_large' }),
      ),
    );
    expect(await (await post('/dlq/purge', { filter: { reason: 'not_json' } })).json()).toEqual({
      matching: 602,
      purged: 0,
      ids: expect.any(Array),
    });
    expect(
      await problemOf(await post('/dlq/purge', { filter: { reason: 'not_json' }, confirm: 601 })),
    ).toMatchObject({ status: 409, code: 'confirmation_differs', matching: 602 });
    expect((await services.deadLetters.stats()).byState.purged).toBe(0);
    expect(
      await (await post('/dlq/purge', { filter: { reason: 'not_json' }, confirm: 602 })).json(),
    ).toMatchObject({ matching: 602, purged: 602 });
    expect((await services.deadLetters.stats()).byState).toEqual({
      open: 601,
      replayed: 0,
      purged: 602,
    });
    expect(
      logged()
        .split('\n')
        .filter((line) => line.includes('dead_letters_purged')),
    ).toHaveLength(2);
  });
});

test('a dead letter is added by hand: validated, and only once per request id', async () => {
  const { post, request } = await appWith([]);
  const body = {
    reason: 'store_rejected',
    message: 'Parked until the price is known.',
    value: valid('parked'),
    key: 'u-1',
    headers: { source: 'support' },
  };
  const first = await post('/dlq/messages', body, { 'x-request-id': 'park-1' });
  expect(first.status).toBe(201);
  const added = await first.json();
  expect(added).toMatchObject({
    state: 'open',
    reason: 'store_rejected',
    value: valid('parked'),
    key: 'u-1',
    headers: { source: 'support' },
    origin: { topic: 'manual' },
  });
  expect((await (await post('/dlq/messages', body, { 'x-request-id': 'park-1' })).json()).id).toBe(
    added.id,
  );
  expect((await (await request('/dlq/messages')).json()).items).toHaveLength(1);
  expect(
    (
      await (
        await post(
          '/dlq/messages',
          { ...body, message: 'Another one.' },
          { 'x-request-id': 'park-1' },
        )
      ).json()
    ).id,
  ).not.toBe(added.id);
  expect((await post(`/dlq/replay/${added.id}`, {})).status).toBe(200);
  expect(
    await (
      await post('/dlq/messages', {
        reason: 'not_json',
        message: 'x',
        value: '/w==',
        encoding: 'base64',
      })
    ).json(),
  ).toMatchObject({ value: '/w==', base64: ['value'] });
  for (const wrong of [
    {},
    { ...body, reason: 'bored' },
    { ...body, value: 'not base64!', encoding: 'base64' },
    { ...body, message: '' },
  ]) {
    expect((await post('/dlq/messages', wrong)).status).toBe(422);
  }
});
