// What is tried again and what is not, with a gateway and a clock that do as the test says.

import { expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { eventCalls } from '../../client/event-calls.ts';
import { retryAfterMsOf } from '../../client/http-answers.ts';
import { Transport } from '../../client/transport.ts';
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
const broken: Answer = () => {
  throw new TypeError('fetch failed', { cause: new Error('socket hang up') });
};

/** Answers one after the other; `asked` is what was sent. */
function scripted(answers: readonly Answer[], attemptsMax = 4) {
  const asked: { readonly url: string; readonly headers: Headers; readonly body: unknown }[] = [];
  const clock = new ManualClock();
  const transport = new Transport({
    url: 'https://example.com/base/',
    apiKey: 'secret',
    timeoutMs: 60_000,
    clock,
    random: () => 0.5,
    retries: { attemptsMax, delayMs: 200, delayMsMax: 10_000 },
    fetch: async (url, init) => {
      asked.push({ url, headers: new Headers(init.headers), body: init.body });
      const answer = answers[asked.length - 1];
      if (answer === undefined) throw new Error('Asked more often than the test has answers.');
      return answer();
    },
  });
  return { transport, clock, asked };
}

const item = { index: 0, event_id: 'e-1', status: 'accepted' as const };
const event = {
  event_id: 'e-1',
  timestamp: '2026-01-31T12:00:00Z',
  user_id: 'u',
  event_type: 'view' as const,
  session_id: 's',
  product: { id: 'p', name: 'Lamp', price: 1 },
};

test('a portion of events is sent again under the same key, after what the gateway asked for and a backoff', async () => {
  const { transport, clock, asked } = scripted([
    problem(429, 'log_full', { 'Retry-After': '3' }),
    broken,
    problem(503, 'store_down'),
    json({ accepted: 1, rejected: 0, dead_lettered: 0, items: [item] }),
  ]);
  const sent = eventCalls(transport).send([event]);
  await until('it waits', 5_000, () => clock.sleeping === 1);
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

test('what must not be done twice is sent once when nobody knows whether it arrived, and again when it was refused', async () => {
  const call = { method: 'POST', path: '/dlq/replay/1', json: {} } as const;
  const lost = scripted([broken]);
  await expect(lost.transport.json(call)).rejects.toMatchObject({
    code: 'no_answer',
    message: 'POST /dlq/replay/1 got no whole answer: socket hang up.',
  });
  const refused = scripted([problem(429, 'rate_limited'), json({ id: '1' })]);
  const answer = refused.transport.json(call);
  await until('it waits', 5_000, () => refused.clock.sleeping === 1);
  await refused.clock.advance(100);
  expect(await answer).toEqual({ id: '1' });
});

test('what will not change is not asked again, and attempts are used up', async () => {
  const { transport, asked } = scripted([problem(422, 'validation_failed')]);
  await expect(transport.json({ method: 'GET', path: '/x' })).rejects.toMatchObject({
    status: 422,
  });
  expect(asked.length).toBe(1);
  const once = scripted([problem(503, 'not_ready')], 1);
  await expect(once.transport.json({ method: 'GET', path: '/x' })).rejects.toMatchObject({
    status: 503,
  });
  const page = scripted([() => new Response('<html>')], 1);
  await expect(page.transport.json({ method: 'GET', path: '/x' })).rejects.toMatchObject({
    message: expect.stringContaining('is a VectorStream gateway there?') as unknown,
  });
});

test('a signal ends the wait between two attempts', async () => {
  const { transport, clock, asked } = scripted([
    problem(503, 'store_down', { 'Retry-After': '60' }),
  ]);
  const stop = new AbortController();
  const answer = transport.json({ method: 'GET', path: '/x' }, { signal: stop.signal });
  await until('it waits', 5_000, () => clock.sleeping === 1);
  stop.abort(new Error('enough'));
  await expect(answer).rejects.toThrow('enough');
  expect([asked.length, clock.sleeping]).toEqual([1, 0]);
});

test('a list in a query repeats its name, and what is not there is left out', async () => {
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
