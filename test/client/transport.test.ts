// Which calls are retried and which are not, with a scripted gateway and a manual clock.

import { expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { VectorStreamPartialSendError } from '../../client/api-errors.ts';
import { eventCalls } from '../../client/event-calls.ts';
import { retryAfterMsOf } from '../../client/http-answers.ts';
import { Transport, type RetryWait, type TransportOptions } from '../../client/transport.ts';
import { until } from '../helpers/until.ts';

type Answer = () => Response;
const problem =
  (status: number, code: string, headers: Record<string, string> = {}): Answer =>
  () =>
    new Response(JSON.stringify({ status, code, detail: 'no' }), { status, headers });
const json =
  (body: unknown): Answer =>
  () =>
    new Response(JSON.stringify(body));
const line = (text: string) => new TextEncoder().encode(text);
const textOf = (body: unknown) =>
  body instanceof Uint8Array ? new TextDecoder().decode(body) : body;
const broken: Answer = () => {
  throw new TypeError('fetch failed', { cause: new Error('socket hang up') });
};

type Sent = { readonly url: string; readonly headers: Headers; readonly body: unknown };

/** Returns the answers one after the other, and records requests and waits. */
function scripted(answers: readonly Answer[], options: Partial<TransportOptions> = {}) {
  const asked: Sent[] = [];
  const waits: RetryWait[] = [];
  const clock = new ManualClock();
  const transport = new Transport({
    url: 'https://example.com/base/',
    apiKey: 'secret',
    timeoutMs: 60_000,
    clock,
    random: () => 0.5,
    retries: { attemptsMax: 4, delayMs: 200, delayMsMax: 10_000 },
    retryForMs: Infinity,
    onWait: (wait) => waits.push(wait),
    fetch: async (url, init) => {
      asked.push({ url, headers: new Headers(init.headers), body: init.body });
      const answer = answers[asked.length - 1];
      if (answer === undefined)
        throw new Error('There were more requests than the test has answers.');
      return answer();
    },
    ...options,
  });
  return { transport, clock, asked, waits };
}

const once = { attemptsMax: 1, delayMs: 200, delayMsMax: 10_000 };
const item = { index: 0, event_id: 'e-1', status: 'accepted' as const };
const event = {
  event_id: 'e-1',
  timestamp: '2026-01-31T12:00:00Z',
  user_id: 'u',
  event_type: 'view' as const,
  session_id: 's',
  product: { id: 'p', name: 'Lamp', price: 1 },
};

test('a batch of which a part was processed is a typed error with the results so far', async () => {
  const second = { ...item, event_id: 'e-2' };
  const interrupted: Answer = () =>
    Response.json(
      { status: 400, code: 'body_incomplete', detail: 'It broke off.', items: [second] },
      { status: 400 },
    );
  const { transport } = scripted([
    json({ accepted: 1, rejected: 0, dead_lettered: 0, items: [item] }),
    interrupted,
  ]);
  await expect(
    eventCalls(transport).send([event, event, event], { eventsMax: 1 }),
  ).rejects.toMatchObject({
    name: 'VectorStreamPartialSendError',
    code: 'body_incomplete',
    status: 400,
    items: [item, { ...second, index: 1 }],
  });
  const yielded: unknown[] = [];
  const streamed = eventCalls(scripted([interrupted]).transport).stream([event, event]);
  await expect(
    (async () => {
      for await (const result of streamed) yielded.push(result);
    })(),
  ).rejects.toBeInstanceOf(VectorStreamPartialSendError);
  expect(yielded).toEqual([second]);
});

test('a batch is retried under the same key, after Retry-After and a backoff', async () => {
  const { transport, clock, asked } = scripted([
    problem(429, 'log_full', { 'Retry-After': '3' }),
    broken,
    problem(503, 'store_down'),
    json({ accepted: 1, rejected: 0, dead_lettered: 0, items: [item] }),
  ]);
  const sent = eventCalls(transport).send([event]);
  await until('it waits', 60_000, () => clock.sleeping === 1);
  await clock.advance(3_000 + 99);
  expect(asked.length).toBe(1);
  await clock.advance(1);
  expect(asked.length).toBe(2);
  await clock.advance(200);
  expect(asked.length).toBe(3);
  await clock.advance(400);
  expect((await sent).items).toEqual([item]);
  expect(clock.sleeping).toBe(0);
  expect(new Set(asked.map(({ headers }) => headers.get('Idempotency-Key'))).size).toBe(1);
  expect(asked[3]).toMatchObject({
    url: 'https://example.com/base/events',
    body: `${JSON.stringify(event)}\n`,
  });
  expect([asked[3]?.headers.get('Authorization'), asked[3]?.headers.get('Content-Type')]).toEqual([
    'Bearer secret',
    'application/x-ndjson',
  ]);
});

test('a call that must not run twice is retried only when the gateway refused it', async () => {
  const call = { method: 'POST', path: '/dlq/replay/1', json: {} } as const;
  const lost = scripted([broken]);
  await expect(lost.transport.json(call)).rejects.toMatchObject({
    code: 'no_answer',
    message: 'POST /dlq/replay/1 got no complete answer: socket hang up.',
  });
  for (const status of [502, 504]) {
    const proxied = scripted([problem(status, 'unknown')]);
    await expect(proxied.transport.json(call)).rejects.toMatchObject({ status });
  }
  const refused = scripted([problem(429, 'rate_limited'), json({ id: '1' })]);
  const answer = refused.transport.json(call);
  await until('it waits', 60_000, () => refused.clock.sleeping === 1);
  await refused.clock.advance(100);
  expect(await answer).toEqual({ id: '1' });
});

test('a lasting error is not retried, and a temporary one only so many times', async () => {
  const { transport, asked } = scripted([problem(422, 'validation_failed')]);
  await expect(transport.json({ method: 'GET', path: '/x' })).rejects.toMatchObject({
    status: 422,
  });
  expect(asked.length).toBe(1);
  const single = scripted([problem(503, 'not_ready')], { retries: once });
  await expect(single.transport.json({ method: 'GET', path: '/x' })).rejects.toMatchObject({
    status: 503,
  });
  const page = scripted([() => new Response('<html>')]);
  await expect(page.transport.json({ method: 'GET', path: '/x' })).rejects.toMatchObject({
    code: 'not_json',
    message: expect.stringContaining('is a VectorStream gateway there?') as unknown,
  });
});

test('a call is retried for a given time, and each wait is announced', async () => {
  const answers = [broken, problem(502, 'unknown'), problem(503, 'store_down'), broken, broken];
  const { transport, clock, asked, waits } = scripted(answers, {
    retries: { ...once, attemptsMax: Infinity },
    retryForMs: 1_000,
  });
  const failure = transport.json({ method: 'GET', path: '/x' }).catch((error: unknown) => error);
  for (const delayMs of [100, 200, 400]) {
    await until('it waits', 60_000, () => clock.sleeping === 1);
    expect(waits.at(-1)?.delayMs).toBe(delayMs);
    await clock.advance(delayMs);
  }
  // The next wait would be 800 ms, which ends 1,500 ms after the start.
  expect(await failure).toMatchObject({ code: 'no_answer' });
  expect(asked.length).toBe(4);
  expect(waits.map(({ attempt, error }) => [attempt, error.code])).toEqual([
    [1, 'no_answer'],
    [2, 'unknown'],
    [3, 'store_down'],
  ]);
});

test('lines are sent as they are, and in halves when they are too large together', async () => {
  const rejected = {
    index: 0,
    event_id: null,
    status: 'rejected',
    error: { code: 'not_json', message: 'no', field: null },
  };
  const { transport, asked } = scripted([
    problem(413, 'body_too_large'),
    json({ accepted: 2, rejected: 0, dead_lettered: 0, items: [item, { ...item, index: 1 }] }),
    () =>
      Response.json({ status: 400, code: 'malformed_json', items: [rejected] }, { status: 400 }),
  ]);
  const lines = [line('{"a":1}'), line('not json'), line('{"c":3}')];
  const result = await eventCalls(transport).sendLines(lines, { onInvalid: 'reject' });
  expect(result).toMatchObject({ accepted: 2, rejected: 1, dead_lettered: 0 });
  expect(result.items.map(({ index, status }) => [index, status])).toEqual([
    [0, 'accepted'],
    [1, 'accepted'],
    [2, 'rejected'],
  ]);
  expect(asked.map(({ url, body }) => [new URL(url).search, textOf(body)])).toEqual([
    ['?on_invalid=reject', '{"a":1}\nnot json\n{"c":3}\n'],
    ['?on_invalid=reject', '{"a":1}\nnot json\n'],
    ['?on_invalid=reject', '{"c":3}\n'],
  ]);
  const single = scripted([problem(413, 'body_too_large')]);
  await expect(eventCalls(single.transport).sendLines([line('x')])).rejects.toMatchObject({
    status: 413,
  });
});

test('a signal ends the wait between two attempts', async () => {
  const { transport, clock, asked } = scripted([
    problem(503, 'store_down', { 'Retry-After': '60' }),
  ]);
  const stop = new AbortController();
  const answer = transport.json({ method: 'GET', path: '/x' }, { signal: stop.signal });
  await until('it waits', 60_000, () => clock.sleeping === 1);
  stop.abort(new Error('enough'));
  await expect(answer).rejects.toThrow('enough');
  expect([asked.length, clock.sleeping]).toEqual([1, 0]);
});

test('a list in a query repeats its name, and undefined is left out', async () => {
  const { transport, asked } = scripted([json({})]);
  await transport.json({
    method: 'GET',
    path: '/events',
    query: { event_type: ['view', 'purchase'], since: undefined, limit: 5 },
  });
  expect(asked[0]?.url).toBe(
    'https://example.com/base/events?event_type=view&event_type=purchase&limit=5',
  );
});

test.each([
  ['3', 3000],
  ['Sat, 31 Jan 2026 12:00:05 GMT', 5000],
  ['Sat, 31 Jan 2026 11:00:00 GMT', 0],
  ['soon', null],
  [null, null],
])('Retry-After %j is %j ms', (header, ms) => {
  expect(retryAfterMsOf(header, Date.UTC(2026, 0, 31, 12))).toBe(ms);
});
