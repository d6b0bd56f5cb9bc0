// A tab lent to the fleet, in a real Chromium: right vectors with WASM, no requests to other hosts,
// and a fresh worker after every failure.

import type { Browser } from 'puppeteer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  needsBrowser,
  noWebGpu,
  openRunnerTab,
  startBrowser,
  type RunnerTab,
} from '../helpers/browser.ts';
import { recordingProxy } from '../helpers/recording-proxy.ts';
import { until } from '../helpers/until.ts';
import { startTabGateway, type TabGateway } from './tab-gateway.ts';

const open = new AsyncDisposableStack();
let world: TabGateway;
let missing = false;

beforeAll(async () => {
  await needsBrowser(() => {
    missing = true;
  });
  if (!missing) world = await startTabGateway(open);
});
afterAll(() => open.disposeAsync());

const tab = (browser: Browser, query: string, token = world.token): Promise<RunnerTab> =>
  openRunnerTab(browser, world.gateway, token, query);

describe('without WebGPU', () => {
  let browser: Browser;
  let lent: RunnerTab;
  const proxy = recordingProxy();
  beforeAll(async () => {
    if (missing) return;
    browser = await startBrowser([...noWebGpu, ...(await proxy).flags]);
    open.defer(() => browser.close());
    open.use(await proxy);
    lent = await tab(browser, 'name=wasm-tab&threads=1&dtype=q8');
  });

  test('a tab with a given dtype embeds without measuring, and reports itself', async ({
    skip,
  }) => {
    await needsBrowser(skip);
    expect(await lent.reaches('working', 150_000)).toMatchObject({
      state: 'working',
      device: 'wasm',
      dtype: 'q8',
      adapter: null,
      softwareAdapter: false,
      crossOriginIsolated: true,
      threads: 1,
      restarts: 0,
      lastError: null,
    });
    expect(await world.runnerNamed('wasm-tab')).toMatchObject({
      kind: 'browser',
      device: 'wasm',
      dtype: 'q8',
      software_adapter: false,
      trusted: false,
    });
    expect(await lent.page.$eval('#state', (element) => element.textContent)).toBe('In the fleet');
  });

  test('its vectors agree with the reference', async ({ skip }) => {
    await needsBrowser(skip);
    const found = await world.cosines(12);
    expect(found).toHaveLength(12);
    for (const value of found) expect(value).toBeGreaterThan(0.98);
  });

  test('the token is in no address, no title and no text of the page', async ({ skip }) => {
    await needsBrowser(skip);
    expect(lent.page.url()).not.toContain(world.token);
    expect(await lent.page.content()).not.toContain(world.token);
    expect((await proxy).seen.filter((line) => line.includes(world.token))).toEqual([]);
  });

  test.for([
    [
      'the network fails',
      () => {
        dispatchEvent(new Event('offline'));
      },
      'the network is gone',
    ],
    [
      'the computer slept',
      () => {
        const { now } = Date;
        const jump = now() + 60_000;
        Date.now = () => {
          Date.now = now;
          return jump;
        };
      },
      'slept for',
    ],
  ] as const)(
    'when %s it connects again with the same worker',
    async ([, happen, words], { skip }) => {
      await needsBrowser(skip);
      const before = await lent.reaches('working', 180_000);
      await lent.inWorker(happen);
      const after = await until('it has joined again', 180_000, async () => {
        const now = await lent.status();
        return now.state === 'working' && now.runnerId !== before.runnerId && now;
      });
      expect(after.restarts).toBe(before.restarts);
      expect(await lent.told()).toContain(words);
    },
  );

  test('a crashed worker is replaced by a fresh one, and the page says so', async ({ skip }) => {
    await needsBrowser(skip);
    const before = await lent.reaches('working', 180_000);
    await lent.inWorker(() => {
      setTimeout(() => {
        throw new Error('out of luck');
      });
    });
    const after = await until('a fresh worker has joined', 180_000, async () => {
      const now = await lent.status();
      return now.state === 'working' && now.restarts > before.restarts && now;
    });
    expect(after.restarts).toBe(before.restarts + 1);
    expect(await lent.told()).toMatch(/The worker crashed: .*out of luck\. A fresh worker starts/);
    await world.runnerNamed('wasm-tab');
  });

  test('it leaves in order when it is stopped', async ({ skip }) => {
    await needsBrowser(skip);
    await lent.page.evaluate(() => window.vectorstream?.stop());
    expect(await lent.status()).toMatchObject({ state: 'stopped', runnerId: null });
    await until(
      'the fleet no longer lists it',
      180_000,
      async () => (await world.gateway.stats()).runners.length === 0,
    );
  });

  test('a second visit downloads neither model nor runtime', async ({ skip }) => {
    await needsBrowser(skip);
    const { seen } = await proxy;
    const before = seen.length;
    const again = await tab(browser, 'name=again&threads=1&dtype=q8');
    await again.reaches('working', 180_000);
    expect(
      seen.slice(before).filter((line) => /\/models\/[0-9a-f]{64}\/|\.wasm/.test(line)),
    ).toEqual([]);
    expect(seen.slice(before).some((line) => line.endsWith('/models/current'))).toBe(true);
    await again.page.close();
  });

  test('a wrong token is reported in plain words and not tried again', async ({ skip }) => {
    await needsBrowser(skip);
    const refused = await tab(browser, 'name=stranger', 'not-the-token');
    expect(await refused.reaches('failed', 20_000)).toMatchObject({
      lastError: expect.stringContaining('does not accept this token'),
    });
    expect(await refused.page.$eval('[role=alert]', (element) => element.textContent)).toContain(
      'does not accept this token',
    );
    // Another one can be entered at once.
    await refused.page.waitForSelector('input[type=password]');
    await refused.page.close();
  });

  test('no request went to another host', async ({ skip }) => {
    await needsBrowser(skip);
    const { seen } = await proxy;
    const hosts = new Set(seen.map((line) => /^\w+ (?:\w+:\/\/)?([^/]+)/.exec(line)?.[1]));
    expect([...hosts]).toEqual([new URL(world.gateway.url).host]);
    expect(seen.some((line) => line.startsWith('CONNECT'))).toBe(true);
    expect(seen.some((line) => line.endsWith('.wasm'))).toBe(true);
  });
});
