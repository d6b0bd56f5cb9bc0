// What the console says: rates and lag from totals, one sentence for each part, and what an error
// of a call means for the page.

import { describe, expect, test } from 'vitest';
import {
  VectorStreamApiError,
  VectorStreamConnectionError,
  type HealthView,
} from '../../client/client.ts';
import { subjectOf } from '../../pages/console/event-words.ts';
import {
  agreementRange,
  withLook,
  workOf,
  type Histories,
} from '../../pages/console/fleet/runner-history.ts';
import { headlineOf, partSentences } from '../../pages/console/home/part-sentences.ts';
import { newestRows, rowOf } from '../../pages/console/home/sample-rows.ts';
import {
  catchUpText,
  durationText,
  latencyText,
  ratesOf,
  withReading,
  type Reading,
} from '../../pages/console/rates.ts';
import { Session } from '../../pages/console/session.ts';
import { testApp } from '../gateway/test-services.ts';

/** One reading each second: `stored` events each second, and the lag as given. */
const readingsOf = (stored: number, lags: readonly (number | null)[]): readonly Reading[] =>
  lags.map((lag, second) => ({
    at: second * 1000,
    received: second * stored,
    stored: second * stored,
    lag,
  }));

describe('rates', () => {
  test('are of the last five seconds, and unknown at first', () => {
    const readings = readingsOf(100, [0, 0, 0, 0, 0, 0, 0, 0]);
    expect(ratesOf(readings.slice(0, 1))).toBeNull();
    expect(ratesOf(readings)).toEqual({ received: 100, stored: 100 });
  });

  test('begin anew when the gateway has restarted', () => {
    const events = { received: 3, stored: 3, superseded: 0, dead_lettered: 0, unsettled: 0 };
    const readings = withReading(readingsOf(50, [0, 0]), 2000, { events: { ...events, lag: 0 } });
    expect(readings).toEqual([{ at: 2000, received: 3, stored: 3, lag: 0 }]);
    expect(ratesOf(readings)).toBeNull();
  });

  test.each([
    ['caught up', 10, [5, 0]],
    ['in work now', 100, [150, 150, 150]],
    ['caught up in 30 s', 100, [3300, 3200, 3100, 3000]],
    ['caught up in 2 h', 1, [7203, 7202, 7201, 7200]],
    ['grows by 40 a second', 10, [1000, 1040, 1080]],
    ['does not shrink now', 0, [1000, 1000]],
    ['not known now', 10, [null, null]],
    ['measuring how fast it shrinks', 10, [500]],
  ])('"%s"', (text, stored, lags) => {
    expect(catchUpText(readingsOf(stored, lags))).toBe(text);
  });

  test('durations are as short as a person would say them', () => {
    expect([0.2, 45, 119, 3600, 9000, 400_000].map(durationText)).toEqual([
      '1 s',
      '45 s',
      '2 min',
      '60 min',
      '2.5 h',
      '5 d',
    ]);
    expect([0, 0.42, 41.2, 1240, 125_000].map(latencyText)).toEqual([
      '0 ms',
      '0.4 ms',
      '41 ms',
      '1.2 s',
      '2 min',
    ]);
  });
});

async function healthOf(changes: Partial<HealthView> = {}): Promise<HealthView> {
  const health: HealthView = await (await testApp().request('/health')).json();
  return { ...health, ...changes };
}

const warning = (component: 'runners' | 'disk', message: string) =>
  ({ component, message, severity: 'warning' }) as const;

describe('health', () => {
  test('is one sentence for each part when all is well', async () => {
    const parts = partSentences(await healthOf());
    expect(parts.map(({ name, tone }) => `${name} ${tone}`)).toEqual([
      'Log good',
      'Runners good',
      'Store good',
      'Dead letters good',
    ]);
    expect(parts.map(({ sentence }) => sentence).every((text) => /^[A-Z].*\.$/.test(text))).toBe(
      true,
    );
    expect(headlineOf(parts, false)).toEqual({ tone: 'good', text: 'All is well' });
    expect(headlineOf(parts, true)).toMatchObject({ tone: 'bad' });
  });

  test('names the part that is down, its reason, and what to do', async () => {
    const { store } = await healthOf();
    const parts = partSentences(
      await healthOf({
        store: { ...store, status: 'down', trouble: 'qdrant: connection refused' },
      }),
    );
    const part = parts.find(({ name }) => name === 'Store');
    expect(part).toMatchObject({ tone: 'bad', sentence: 'Qdrant: connection refused.' });
    expect(part?.advice).toContain('none is lost');
    expect(headlineOf(parts, false)).toEqual({ tone: 'bad', text: 'Store needs help' });
  });

  test('shows every warning of a part that works, and a disk only in trouble', async () => {
    const parts = partSentences(
      await healthOf({
        causes: [
          warning('runners', 'nobody checks the fleet; start a trusted runner'),
          warning('runners', 'in quarantine: 1'),
          warning('disk', '200 MiB are free: free some space'),
        ],
      }),
    );
    expect(parts.map(({ name, tone }) => `${name} ${tone}`)).toEqual([
      'Log good',
      'Runners warn',
      'Store good',
      'Dead letters good',
      'Disk warn',
    ]);
    expect(parts[1]?.sentence).toBe(
      'Nobody checks the fleet; start a trusted runner. In quarantine: 1.',
    );
    expect(headlineOf(parts, false)).toEqual({ tone: 'warn', text: 'It works, with a warning' });
  });

  test.each([
    ['disk', 'outage', 'Disk needs help'],
    ['certificate', 'outage', 'Certificate needs help'],
    ['schema_registry', 'outage', 'Schema Registry needs help'],
    ['sink', 'outage', 'Sink needs help'],
    ['certificate', 'warning', 'It works, with a warning'],
  ] as const)('of %s with an %s → “%s”', async (component, severity, text) => {
    const cause = { component, severity, message: 'whatever it says' };
    const parts = partSentences(await healthOf({ causes: [cause] }));
    expect(headlineOf(parts, false).text).toBe(text);
  });

  test('is not well beside events that could not be stored', async () => {
    const health = await healthOf();
    const parts = partSentences({ ...health, dead_letters: { ...health.dead_letters, open: 3 } });
    expect(headlineOf(parts, false)).toEqual({
      tone: 'warn',
      text: 'It works, but some events could not be stored',
    });
  });
});

function session(stored: string | null) {
  let secret = stored;
  return new Session({
    url: 'http://127.0.0.1:1',
    secret: {
      read: () => secret,
      write: (key) => void (secret = key),
      forget: () => void (secret = null),
    },
    now: () => 42,
  });
}

describe('a session', () => {
  const unauthorised = new VectorStreamApiError(401, {}, null);

  test('asks for a key when the gateway wants one, and says when one was refused', () => {
    const open = session(null);
    open.explain(unauthorised);
    expect(open.store.value).toMatchObject({ access: 'needed', hasKey: false });
    open.useKey('wrong');
    expect(open.store.value).toMatchObject({ access: 'open', hasKey: true, version: 1 });
    open.explain(unauthorised);
    expect(open.store.value.access).toBe('refused');
    open.useKey(null);
    expect(open.store.value).toMatchObject({ access: 'open', hasKey: false });
  });

  test('remembers since when the gateway does not answer', () => {
    const cut = session(null);
    cut.linked(true);
    cut.linked(false);
    expect(cut.store.value).toMatchObject({ link: 'lost', lostAt: 42 });
    cut.linked(true);
    expect(cut.store.value).toMatchObject({ link: 'live', lostAt: null });
  });

  test('shows a refusal until what was refused works again', () => {
    const open = session('k');
    const [figures, deadLetters] = [open.reading(), open.reading()];
    deadLetters.fails(new VectorStreamApiError(403, { detail: 'This key lacks a scope.' }, null));
    figures.works();
    expect(open.store.value.refusal).toBe('This key lacks a scope.');
    deadLetters.works();
    expect(open.store.value.refusal).toBeNull();
    deadLetters.fails(new VectorStreamApiError(500, { detail: 'It failed.' }, null));
    expect(open.store.value.refusal).toBeNull();
  });

  test('tells a refusal in the words of the gateway', () => {
    const problem = { detail: 'This key lacks the scope admin.' };
    expect(session('k').explain(new VectorStreamApiError(403, problem, null))).toBe(problem.detail);
    const cut = new VectorStreamConnectionError('x', { code: 'no_answer', reason: 'ECONNREFUSED' });
    expect(session('k').explain(cut)).toBe('The gateway does not answer.');
  });
});

test('an event is named by its product or its query', () => {
  expect(subjectOf({ product: { name: 'Kettle' } })).toBe('Kettle');
  expect(subjectOf({ search_query: 'warm hands' })).toBe('“warm hands”');
  expect(subjectOf({})).toBe('');
});

const row = (id: string, second: number, latencyMs: number | null) =>
  rowOf(`2026-01-31T12:00:0${second}.000Z`, { event_id: id }, latencyMs, 'x');

test('the newest events come once each, newest first, from stream and store alike', () => {
  const rows = newestRows([row('a', 1, 40), row('c', 5, null), row('b', 3, 41), row('a', 1, null)]);
  expect(rows.map(({ id, latencyMs }) => [id, latencyMs])).toEqual([
    ['c', null],
    ['b', 41],
    ['a', 40],
  ]);
  expect(newestRows(Array.from({ length: 9 }, (_, at) => row(`${at}`, at, null)))).toHaveLength(8);
});

const runner = (texts: number, cosine: number | null) => ({
  id: 'r',
  texts_embedded: texts,
  reference_cosine: cosine,
});

describe('the history of a runner', () => {
  test('is texts a second from look to look, and ends with the runner', () => {
    const none: Histories = new Map();
    const looks = [runner(10, null), runner(30, 0.999), runner(30, 0.9981)].reduce(
      (before, now, index) => withLook(before, [now], index * 2000),
      none,
    );
    expect(workOf(looks.get('r') ?? [])).toEqual([10, 0]);
    expect(agreementRange(looks.get('r') ?? [])).toBe('0.9981 to 0.9990');
    expect(withLook(looks, [], 6000).size).toBe(0);
  });

  test('keeps two minutes, and says nothing of an agreement that did not change', () => {
    let looks: Histories = new Map();
    for (let i = 0; i < 200; i += 1) looks = withLook(looks, [runner(i, 0.999)], i * 2000);
    expect(looks.get('r')).toHaveLength(61);
    expect(agreementRange(looks.get('r') ?? [])).toBeNull();
  });
});
