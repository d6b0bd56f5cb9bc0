// Each fault makes its alert fire on what the gateway really exposes, /health and `npm run status`
// name the same part, and the runbook's command shows it.

import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { DependencyError } from '#core/errors/errors.ts';
import { systemClock } from '#core/time/clock.ts';
import { askStatus, statusText, type Status } from '../../cli/status/status-text.ts';
import type { Services } from '../../gateway/api/services.ts';
import type { RunnerView } from '../../gateway/fleet/hub-types.ts';
import { createKafkaSource, kafkaSourceDefaults } from '../../gateway/kafka/kafka-source.ts';
import { cuttable, onlyTopic } from '../adapters/kafka-harness.ts';
import {
  clientOf,
  runner,
  scriptedStore,
  testApp,
  type TestApp,
} from '../gateway/test-services.ts';
import { until } from '../helpers/until.ts';
import { read } from './compose-file.ts';
import { evaluate, scrapeOf, type Scrape } from './promql-value.ts';
import { runRunbook } from './runbook.ts';

const rules = z
  .object({
    groups: z.array(
      z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() })) }),
    ),
  })
  .parse(parse(read('deploy/prometheus/alerts.yml')))
  .groups.flatMap((group) => group.rules);

const gatewayTarget = { job: 'gateway', instance: 'gateway:8080' };
const ups = (isQdrantUp: boolean): string =>
  `up{job="gateway",instance="gateway:8080"} 1\nup{job="qdrant",instance="qdrant:6333"} ${
    isQdrantUp ? 1 : 0
  }\n`;

/** Scrapes once a minute, with `between` in the middle, and returns the names of firing alerts. */
async function firing(
  { request, clock }: TestApp,
  between: () => void = () => undefined,
  isQdrantUp = true,
): Promise<readonly string[]> {
  const scrapes: Scrape[] = [];
  for (const step of [0, 1]) {
    if (step === 1) between();
    const answer = request('/metrics');
    await clock.advance(1_000);
    const body = await (await answer).text();
    const { samples } = scrapeOf(ups(isQdrantUp), 0, {});
    const scrape = scrapeOf(body, clock.now() / 1000, gatewayTarget);
    scrapes.push({ at: scrape.at, samples: [...samples, ...scrape.samples] });
    await clock.advance(60_000);
  }
  return rules.filter(({ expr }) => evaluate(expr, scrapes).length > 0).map(({ alert }) => alert);
}

/** What `npm run status` shows. */
async function toldStatus(app: TestApp): Promise<string> {
  return statusText(await askedStatus(app));
}

async function askedStatus({ request, clock }: TestApp): Promise<Status> {
  const client = clientOf({ request });
  const asked = askStatus(client, 'http://gateway', new AbortController().signal);
  await clock.advance(1_000);
  return asked;
}

/** The causes of /health, which the text of `npm run status` contains. */
async function toldCauses(app: TestApp): Promise<readonly string[]> {
  const status = await askedStatus(app);
  const { causes } = status.health;
  const text = statusText(status);
  for (const { component, message } of causes) expect(text).toContain(`${component}: ${message}`);
  return causes.map(({ component }) => component);
}

const withDisk = (level: 'low' | 'out'): Partial<Services> => ({
  disk: { state: () => ({ level, freeBytes: 1, problem: `1 byte is free (${level})` }) },
});

describe('an alert', () => {
  test('is quiet while all is well', async () => {
    const app = testApp();
    expect(await firing(app)).toEqual([]);
    expect(await toldCauses(app)).toEqual([]);
  });

  test('fires for a broker that was down before the start', async () => {
    await using source = createKafkaSource({
      ...kafkaSourceDefaults,
      connection: cuttable('127.0.0.1:1'),
      topics: onlyTopic({ topic: 'events', partitions: 1, config: {}, mayCreate: false }),
      groupId: 'group',
      clock: systemClock,
    });
    await until('the source says so', 60_000, () => source.health() !== null);
    const app = testApp({ source });
    expect(await firing(app)).toEqual(['IntakeNotReady', 'KafkaDown']);
    expect(await toldCauses(app)).toEqual(['source']);
    expect(await runRunbook('IntakeNotReady', app)).toContain('127.0.0.1:1');
    expect(await runRunbook('KafkaDown', app)).toContain('127.0.0.1:1');
  }, 60_000);

  test('fires for a store that is down, and not for the intake', async () => {
    const down = new DependencyError('qdrant', 'qdrant_down', 'ECONNREFUSED', { retryable: true });
    const app = testApp({
      store: { ...scriptedStore(), kind: 'qdrant', event: () => Promise.reject(down) },
    });
    expect(await firing(app, undefined, false)).toEqual(['QdrantDown', 'SearchNotReady']);
    expect(await toldCauses(app)).toEqual(['store']);
    expect(await runRunbook('SearchNotReady', app)).toContain('"store"');
    expect(await runRunbook('QdrantDown', app)).toContain('ECONNREFUSED');
  });

  test('fires for the disk at each watermark', async () => {
    const low = testApp(withDisk('low'));
    expect(await firing(low)).toEqual(['DiskLow']);
    expect(await toldCauses(low)).toEqual(['disk']);
    expect(await runRunbook('DiskLow', low)).toContain('vectorstream_disk_level 1');
    const out = testApp(withDisk('out'));
    expect(await firing(out)).toEqual(['IntakeNotReady', 'DiskOut']);
    expect(await toldCauses(out)).toEqual(['disk']);
    expect(await runRunbook('DiskOut', out)).toContain('1 byte is free (out)');
  });

  test('fires without a ready runner', async () => {
    const app = testApp({ runners: () => [{ ...runner, state: 'joining' }] });
    expect(await firing(app)).toEqual(['NoReadyRunner', 'SearchNotReady']);
    expect(await toldCauses(app)).toEqual(['runners']);
    expect(await runRunbook('NoReadyRunner', app)).toBe('box-1\tnode\tcpu\tjoining\n');
  });

  test('fires for a runner that was quarantined', async () => {
    const quarantine = { reason: 'its vectors are random', until: Date.UTC(2026, 0, 2) };
    const liar: RunnerView = {
      ...runner,
      id: 'r-1',
      device: 'webgpu',
      state: 'quarantined',
      quarantine,
    };
    const app = testApp({ runners: () => [runner, liar] });
    expect(await firing(app, () => app.services.telemetry.quarantined('webgpu', 'r-1'))).toEqual([
      'RunnerQuarantined',
    ]);
    expect(await toldCauses(app)).toEqual(['runners']);
    expect(await (await app.request('/health')).json()).toMatchObject({
      runners: { connected: 1, ready: 1 },
    });
    expect(await runRunbook('RunnerQuarantined', app)).toContain('its vectors are random');
  });

  test('fires for a runner whose work differs from a trusted runner', async () => {
    const app = testApp();
    expect(await firing(app, () => app.services.telemetry.crossCheck('differed'))).toEqual([
      'CrossChecksDiffer',
    ]);
  });

  test('fires for work that no trusted runner has checked in time', async () => {
    const app = testApp();
    expect(await firing(app, () => app.services.telemetry.crossCheck('dropped'))).toEqual([
      'CrossChecksDropped',
    ]);
    expect(await runRunbook('CrossChecksDropped', app)).toBe('box-1\ttrue\tready\t812.4\n');
  });

  test('fires for a certificate in its last two weeks', async () => {
    const app = testApp();
    const day = 86_400_000;
    const expiring = (days: number): Partial<Services> => ({
      certificate: () => ({ expiresAt: app.clock.now() + days * day }),
    });
    expect(await firing(testApp(expiring(20)))).toEqual([]);
    const soon = testApp(expiring(10));
    expect(await firing(soon)).toEqual(['CertificateExpires']);
    expect(await toldCauses(soon)).toEqual(['certificate']);
    expect(await runRunbook('CertificateExpires', soon)).toMatch(/^it expires at 2026-/);
  });

  test('fires for failing searches and requests, and for dead letters left alone', async () => {
    const { services } = testApp();
    const failing = testApp();
    const fail = (): void => {
      for (let i = 0; i < 10; i += 1)
        failing.services.telemetry.requests.answered('POST /search', 503, 0.01);
    };
    expect(await firing(failing, fail)).toEqual(['SearchesFail', 'HttpErrors']);
    const stats = {
      byState: { open: 1, replayed: 0, purged: 0 },
      byReason: {},
      openByReason: {},
      oldestOpenAt: services.clock.now() - 2 * 86_400_000,
    };
    const forgotten = testApp({
      deadLetters: { ...services.deadLetters, stats: () => Promise.resolve(stats) },
    });
    expect(await firing(forgotten)).toEqual(['DeadLettersOld']);
    expect(await toldStatus(forgotten)).toMatch(/dead letters\S* .*1 open, the oldest for 48 h/);
    expect(await runRunbook('DeadLettersOld', forgotten)).toContain('"open": 1');
  });
});

const at = (seconds: number, text: string): Scrape => scrapeOf(text, seconds, { job: 'j' });
const values = (expression: string, ...scrapes: readonly Scrape[]) =>
  evaluate(expression, scrapes).map(({ value }) => value);

describe('the evaluator', () => {
  test.each([
    ['a == 1', 'a 1\n', [1]],
    ['a > 1', 'a 1\n', []],
    ['a{x="1"} + a{x="2"} * 2', 'a{x="1"} 1\na{x="2"} 2\n', []],
    ['sum(a) > 2 and sum(a) < 4', 'a{x="1"} 1\na{x="2"} 2\n', [3]],
    ['sum by (x) (a{x=~"1|2",y!="z"})', 'a{x="1"} 1\na{x="2"} 2\na{x="3"} 4\n', [1, 2]],
    ['absent(b)', 'a 1\n', [1]],
    ['a == 0 or absent(b{job="j"})', 'a 1\nb 1\n', []],
    ['a - time() < 14 * 86400', 'a 100\n', [90]],
    [
      'histogram_quantile(0.5, sum by (le) (a_bucket))',
      'a_bucket{le="1"} 2\na_bucket{le="2"} 4\na_bucket{le="+Inf"} 4\n',
      [1],
    ],
  ])('%s', (expression, text, expected) => {
    expect(values(expression, at(10, text))).toEqual(expected);
  });

  test('rates and increases survive a restart, and need two scrapes', () => {
    expect(values('rate(a[1m])', at(0, 'a 1\n'), at(30, 'a 61\n'))).toEqual([2]);
    expect(values('increase(a[1m])', at(0, 'a 9\n'), at(30, 'a 3\n'))).toEqual([3]);
    expect(values('rate(a[1m])', at(0, 'a 9\n'))).toEqual([]);
    expect(values('max_over_time(a[1m]) == 2', at(0, 'a 2\n'), at(30, 'a 0\n'))).toEqual([2]);
  });
});
