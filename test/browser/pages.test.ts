// The pages in a real Chromium: served so that threads and WebAssembly work, and nothing else is allowed.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Browser } from 'puppeteer';
import { needsBrowser, noWebGpu, startBrowser } from '../helpers/browser.ts';
import { startGateway, type RunningGateway } from '../helpers/gateway-program.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const open = new AsyncDisposableStack();
let browser: Browser;
let gateway: RunningGateway;

beforeAll(async () => {
  let skipped = false;
  await needsBrowser(() => { skipped = true; });
  if (skipped) return;
  browser = await startBrowser(noWebGpu);
  open.defer(() => browser.close());
  const folder = open.use(await temporaryFolder());
  gateway = open.use(await startGateway(folder.path, { VECTORSTREAM_RUNNERS: '0' }));
});
afterAll(() => open.disposeAsync());

test.for(['/runner', '/demo'])('%s is isolated from other origins, so that WebAssembly may have threads', async (path, { skip }) => {
  await needsBrowser(skip);
  const page = await browser.newPage();
  const troubles: string[] = [];
  page.on('console', (message) => { if (message.type() === 'error') troubles.push(message.text()); });
  page.on('pageerror', (error) => troubles.push(String(error)));
  const response = await page.goto(gateway.url + path, { waitUntil: 'load' });
  expect(response?.status()).toBe(200);
  expect(response?.headers()).toMatchObject({
    'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer',
    'content-security-policy': expect.stringContaining("script-src 'self' 'wasm-unsafe-eval';"),
  });
  expect(await page.evaluate(() => [crossOriginIsolated, document.querySelector('h1') !== null])).toEqual([true, true]);
  expect(troubles).toEqual([]);
  await page.close();
});
