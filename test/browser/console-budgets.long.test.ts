// What a page of the console costs its reader, in a real Chromium on a real gateway: few requests
// before it is useful, short tasks beside a stream, and no memory for what it has shown.

import { readFileSync } from 'node:fs';
import type { Browser, CDPSession } from 'puppeteer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '#core/time/clock.ts';
import { openEventStream } from '../../cli/generator/event-stream.ts';
import { gatewayTarget, sendEvents } from '../../cli/generator/send-events.ts';
import { createClient } from '../../client/client.ts';
import { needsBrowser, noWebGpu, openBrowser } from '../helpers/browser.ts';
import { startGatewayWithFakeFleet } from '../helpers/fake-fleet.ts';
import type { RunningGateway } from '../helpers/gateway-program.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { repeatFeed } from './repeated-feed.ts';

const eventsPerSecond = 500;
const streamSeconds = 4;
const open = new AsyncDisposableStack();
let browser: Browser;
let gateway: RunningGateway;
let traceFile: string;

beforeAll(async () => {
  const started = await openBrowser(open, [...noWebGpu, '--lang=en-US']);
  if (started === null) return;
  browser = started;
  const folder = open.use(await temporaryFolder()).path;
  traceFile = `${folder}/trace.json`;
  gateway = open.use(await startGatewayWithFakeFleet(`${folder}/data`));
});
afterAll(() => open.disposeAsync());

/** Sends a stream at a steady rate; resolves when all of it is acknowledged. */
const stream = (count: number): Promise<unknown> =>
  sendEvents({
    events: openEventStream({
      seed: 7,
      count,
      stream: { kind: 'zipf', exponent: 1.1 },
      catalogueSize: 500,
      invalidPercent: 1,
      startAt: Date.now(),
      stepMs: 1000 / eventsPerSecond,
    }).events(),
    target: gatewayTarget(createClient({ url: gateway.url })),
    rate: eventsPerSecond,
    clock: systemClock,
    stop: new AbortController().signal,
    abandon: new AbortController().signal,
    onProgress: () => undefined,
  });

const views = [
  ['/', '.chart-frame canvas'],
  ['/search', '.chip'],
  ['/fleet', 'tbody tr'],
  ['/dead-letters', '.empty'],
] as const;

test.for(views)(
  '%s is useful after few requests and little work',
  async ([path, useful], { skip }) => {
    await needsBrowser(skip);
    const page = await browser.newPage();
    const devTools = await page.createCDPSession();
    // Processor time: the machine may be busy.
    await devTools.send('Performance.enable', { timeDomain: 'threadTicks' });
    const requests: string[] = [];
    page.on('request', (request) => requests.push(new URL(request.url()).pathname));
    await page.goto(gateway.url + path, { waitUntil: 'load' });
    await page.waitForSelector(useful);
    const bytes = await page.evaluate(() =>
      performance
        .getEntriesByType('resource')
        .reduce(
          (sum, entry) =>
            sum + (entry instanceof PerformanceResourceTiming ? entry.transferSize : 0),
          0,
        ),
    );
    expect(requests.length, requests.join(' ')).toBeLessThan(30);
    expect(bytes).toBeLessThan(150_000);
    expect(await taskSeconds(devTools)).toBeLessThan(1);
    await page.close();
  },
);

const metrics = z.object({
  metrics: z.array(z.object({ name: z.string(), value: z.number() })),
});
async function taskSeconds(devTools: CDPSession): Promise<number> {
  const found = metrics.parse(await devTools.send('Performance.getMetrics'));
  return found.metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN;
}

test('Home follows 500 events a second without a task over 50 ms', async ({ skip }) => {
  await needsBrowser(skip);
  const page = await browser.newPage();
  await page.goto(gateway.url, { waitUntil: 'load' });
  await page.waitForSelector('.chart-frame canvas');
  await page.evaluate(countChanges);
  await page.tracing.start({ path: traceFile, categories: ['toplevel', '__metadata'] });
  await stream(eventsPerSecond * streamSeconds);
  await page.tracing.stop();
  const changes = await page.evaluate(() => Number(document.documentElement.dataset['changes']));
  expect(changes).toBeGreaterThan(streamSeconds * 3);
  const tasks = mainThreadTasks(readFileSync(traceFile, 'utf8'));
  expect(tasks.length).toBeGreaterThan(changes);
  expect(Math.max(...tasks)).toBeLessThan(50);
  await page.close();
});

/** Counts in the page how often what it shows changes. */
function countChanges(): void {
  let changes = 0;
  const watch = new MutationObserver(() => {
    changes += 1;
    document.documentElement.dataset['changes'] = String(changes);
  });
  watch.observe(document.body, { subtree: true, childList: true, characterData: true });
}

const trace = z.object({
  traceEvents: z.array(
    z.object({
      name: z.string(),
      pid: z.int(),
      tid: z.int(),
      tdur: z.number().optional(),
      args: z.object({ name: z.string().optional() }).optional(),
    }),
  ),
});
/** The processor time in ms of each task of the pages' main threads. */
function mainThreadTasks(text: string): readonly number[] {
  const { traceEvents } = trace.parse(JSON.parse(text));
  const mainThreads = traceEvents.filter(
    ({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain',
  );
  return traceEvents.flatMap(({ name, pid, tid, tdur }) =>
    name.endsWith('RunTask') && mainThreads.some((main) => main.pid === pid && main.tid === tid)
      ? (tdur ?? 0) / 1000
      : [],
  );
}

test('Home keeps no memory for the thousands of live messages that it has shown', async ({
  skip,
}) => {
  await needsBrowser(skip);
  const page = await browser.newPage();
  const devTools = await page.createCDPSession();
  await page.evaluateOnNewDocument(repeatFeed, (await gateway.get('/stats')).body);
  await page.goto(gateway.url, { waitUntil: 'load' });
  const heapAfter = async (messages: number): Promise<number> => {
    await page.waitForFunction(
      (wanted) => Number(document.documentElement.dataset['messages']) >= wanted,
      {},
      messages,
    );
    await devTools.send('HeapProfiler.collectGarbage');
    return (await devTools.send('Runtime.getHeapUsage')).usedSize;
  };
  const before = await heapAfter(2000);
  // Most messages take over 2000 bytes.
  const after = await heapAfter(8000);
  expect((after - before) / 6000).toBeLessThan(500);
  expect(after).toBeLessThan(150e6);
  await page.close();
});
