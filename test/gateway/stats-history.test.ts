// The history of figures: each second once, coarser steps for longer times, bounded, and kept over
// a restart.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { FigureHistory, nothing } from '../../gateway/telemetry/figure-history.ts';
import { createLog } from '../../gateway/telemetry/gateway-log.ts';
import { LatencyHistogram } from '../../gateway/telemetry/latency-histogram.ts';
import { Telemetry } from '../../gateway/telemetry/metrics/metrics.ts';
import { recordHistory } from '../../gateway/telemetry/record-history.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { testApp } from './test-services.ts';

const start = Date.UTC(2026, 0, 31, 12);

/** One tick for each second, with `second` events that took `second` ms each. */
function historyOf(seconds: number): FigureHistory {
  const history = new FigureHistory();
  for (let second = 1; second <= seconds; second += 1) {
    const latencies = new LatencyHistogram();
    latencies.record(second);
    history.add(start + second * 1000, { ...nothing, received: 2, stored: 1 }, latencies, second);
  }
  return history;
}

const sum = (values: readonly (number | null)[]): number =>
  values.reduce<number>((total, value) => total + (value ?? 0), 0);

test('every second is one step, and a second without figures is a gap', () => {
  const history = historyOf(90);
  const now = start + 90_400;
  const { from, stepMs, steps } = history.last(60, now);
  expect([from, stepMs, steps.length]).toEqual([start + 30_000, 1000, 60]);
  expect(steps.map((step) => step?.lag)).toEqual(Array.from({ length: 60 }, (_, i) => 31 + i));
  expect(
    history
      .last(60, now + 10_000)
      .steps.slice(-11)
      .map((step) => step?.lag ?? null),
  ).toEqual([90, ...Array.from({ length: 10 }, () => null)]);
});

test('coarser steps hold the same events, and quantiles of all of them', () => {
  const history = historyOf(3600);
  const hour = history.last(3600, start + 3_600_000);
  expect([hour.stepMs, hour.steps.length]).toEqual([15_000, 240]);
  expect(sum(hour.steps.map((step) => step?.received ?? null))).toBe(7200);
  const [first] = hour.steps;
  expect(first?.stored).toBe(15);
  expect(Math.abs((first?.latency?.p50 ?? 0) - 8)).toBeLessThan(0.2);
  expect(Math.abs((first?.latency?.p99 ?? 0) - 15)).toBeLessThan(0.4);
  const day = history.last(86_400, start + 3_600_000);
  expect([day.stepMs, day.steps.length]).toEqual([180_000, 480]);
  expect(day.steps.filter((step) => step !== null)).toHaveLength(20);
  expect(Math.abs((history.lastMinute()?.p50 ?? 0) - 3570)).toBeLessThan(80);
});

test('a day and a half is no more than a day', () => {
  const history = new FigureHistory();
  const none = new LatencyHistogram();
  for (let second = 1; second <= 130_000; second += 1)
    history.add(start + second * 1000, nothing, none, null);
  const saved = history.save();
  expect(Object.entries(saved).map(([stepMs, steps]) => [stepMs, steps.length])).toEqual([
    ['1000', 300],
    ['15000', 240],
    ['180000', 480],
  ]);
});

async function recorder(dataDir: string, clock: ManualClock) {
  const telemetry = new Telemetry();
  const lines: string[] = [];
  const log = createLog({
    level: 'info',
    format: 'json',
    secrets: new Set(),
    destination: { write: (line) => lines.push(line) },
  });
  const recording = await recordHistory({
    dataDir,
    telemetry,
    lag: async () => 7,
    clock,
    log,
  });
  return { ...recording, telemetry, lines, [Symbol.asyncDispose]: recording[Symbol.asyncDispose] };
}

test('what was recorded survives a restart; the time between is a gap', async () => {
  await using folder = await temporaryFolder();
  const clock = new ManualClock(start);
  {
    await using recording = await recorder(folder.path, clock);
    recording.telemetry.stored(0.04);
    await clock.advance(1000);
    await until('the second is recorded', 10_000, async () =>
      recording.history.last(60, clock.now()).steps.some((step) => step !== null),
    );
  }
  await clock.advance(20_000);
  await using again = await recorder(folder.path, clock);
  const { steps } = again.history.last(60, clock.now());
  expect(steps.flatMap((step, index) => (step === null ? [] : [[index, step]]))).toEqual([
    [39, { ...nothing, stored: 1, lag: 7, latency: { p50: 40, p95: 40, p99: 40 } }],
  ]);
});

test('a file that is damaged is logged, and recording begins anew', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'history.json'), '{"1000": [[1, {"received": "x"}]]}');
  {
    await using recording = await recorder(folder.path, new ManualClock(start));
    expect(recording.lines.join('')).toContain('cannot read the history of figures');
  }
  expect(JSON.parse(await readFile(join(folder.path, 'history.json'), 'utf8'))).toEqual({
    1000: [],
    15000: [],
    180000: [],
  });
});

test('GET /stats/history answers a value for each step, and refuses more than a day', async () => {
  const clock = new ManualClock(start + 60_000);
  const { request } = testApp({ clock, history: historyOf(60) });
  const answer = await (await request('/stats/history?seconds=60')).json();
  expect(answer).toMatchObject({ from: '2026-01-31T12:00:00.000Z', step_seconds: 1 });
  for (const name of ['received', 'stored', 'dead_lettered', 'texts_embedded', 'lag'])
    expect(answer[name], name).toHaveLength(60);
  expect(answer.latency_ms.p95[59]).toBeCloseTo(60, -1);
  expect((await request('/stats/history?seconds=86401')).status).toBe(422);
});

test.each([
  ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text/html; charset=utf-8'],
  ['*/*', 'application/json'],
  ['application/json', 'application/json'],
  ['application/json, text/html;q=0.5', 'application/json'],
  ['', 'application/json'],
])('GET / for "%s" is %s', async (accept, type) => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'console'));
  await writeFile(join(folder.path, 'console/index.html'), '<!doctype html><h1>Console</h1>');
  const { request } = testApp({ pagesFolder: folder.path });
  const answer = await request('/', { headers: { accept } });
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, type]);
  expect(answer.headers.get('vary')).toContain('Accept');
  expect((await answer.text()).includes('<h1>Console')).toBe(type.startsWith('text/html'));
});

test('below a path, GET without its last slash redirects browsers alone', async () => {
  const { request } = testApp({}, { VECTORSTREAM_BASE_PATH: '/vectors' });
  const browser = await request('/vectors', { headers: { accept: 'text/html' } });
  expect([browser.status, browser.headers.get('location')]).toEqual([302, '/vectors/']);
  expect((await request('/vectors')).status).toBe(200);
});
