// The built pages in a real Chromium: their headers allow threads and WebAssembly, and no more.

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'puppeteer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { needsBrowser, noWebGpu, openBrowser } from '../helpers/browser.ts';
import { startGateway, type RunningGateway } from '../helpers/gateway-program.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const open = new AsyncDisposableStack();
let browser: Browser;
let gateway: RunningGateway;

beforeAll(async () => {
  const started = await openBrowser(open, noWebGpu);
  if (started === null) return;
  browser = started;
  const folder = open.use(await temporaryFolder());
  gateway = open.use(await startGateway(folder.path, { VECTORSTREAM_RUNNERS: '0' }));
});
afterAll(() => open.disposeAsync());

test.for(['/', '/runner', '/demo'])(
  '%s is isolated from other origins, so that WebAssembly may have threads',
  async (path, { skip }) => {
    await needsBrowser(skip);
    const page = await browser.newPage();
    const troubles: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') troubles.push(message.text());
    });
    page.on('pageerror', (error) => troubles.push(String(error)));
    const response = await page.goto(gateway.url + path, { waitUntil: 'load' });
    expect(response?.status()).toBe(200);
    expect(response?.headers()).toMatchObject({
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'content-security-policy': expect.stringContaining("script-src 'self' 'wasm-unsafe-eval';"),
    });
    await page.waitForSelector('h1');
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    expect(troubles).toEqual([]);
    const scripts = await page.evaluate(() =>
      performance
        .getEntriesByType('resource')
        .filter(({ name }) => name.endsWith('.js'))
        .reduce(
          (bytes, entry) =>
            bytes + (entry instanceof PerformanceResourceTiming ? entry.encodedBodySize : 0),
          0,
        ),
    );
    // Compressed, and before any worker starts.
    expect(scripts).toBeGreaterThan(1_000);
    expect(scripts).toBeLessThan(60_000);
    await page.close();
  },
);

test('the worker, which both pages share, stays under 200 KB', async ({ skip }) => {
  await needsBrowser(skip);
  const assets = join(import.meta.dirname, '../../dist/pages/assets');
  const worker = readdirSync(assets).filter((name) =>
    /^embedding-worker.*\.js\.(br|gz)$/.test(name),
  );
  expect(worker).toHaveLength(2);
  for (const name of worker) expect(statSync(join(assets, name)).size, name).toBeLessThan(200_000);
});
