// GET /docs in a real browser: the whole API reference, served by this gateway alone.

import { writeFileSync } from 'node:fs';
import type { Browser } from 'puppeteer';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { needsBrowser, startBrowser } from '../helpers/browser.ts';
import { startGateway, type RunningGateway } from '../helpers/gateway-program.ts';
import { temporaryFolder, type TemporaryFolder } from '../helpers/temporary-folder.ts';

let folder: TemporaryFolder;
let gateway: RunningGateway | undefined;
let browser: Browser | undefined;
beforeEach(({ skip }) => needsBrowser(skip));
beforeAll(async () => {
  folder = await temporaryFolder();
  await needsBrowser(() => undefined);
  browser = await startBrowser([]);
  gateway = await startGateway(folder.path, {
    VECTORSTREAM_RUNNERS: '0',
    VECTORSTREAM_API_KEY: 'a-key-of-sixteen-characters',
    VECTORSTREAM_BASE_PATH: '/vectors',
  });
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await gateway?.[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

test.each(['/docs', '/vectors/docs'])(
  '%s renders the whole API without a key, other hosts or policy violations',
  async (path) => {
    if (browser === undefined || gateway === undefined) throw new Error('Nothing was started.');
    const page = await browser.newPage();
    const [hosts, troubles] = [new Set<string>(), [] as string[]];
    page.on('request', (request) => {
      if (!/^(data|blob):/.test(request.url())) hosts.add(new URL(request.url()).host);
    });
    page.on('console', (message) => {
      if (/Content Security Policy|Refused to/i.test(message.text())) troubles.push(message.text());
    });
    page.on('pageerror', (error) =>
      troubles.push(error instanceof Error ? error.message : String(error)),
    );
    await page.setViewport({ width: 1400, height: 1000 });
    await page.goto(`${gateway.url}${path}`, { waitUntil: 'networkidle0', timeout: 60_000 });
    await page.waitForFunction(
      () =>
        document.body.innerText.includes('Embeddings') &&
        document.body.innerText.includes('Dead letters'),
      { timeout: 30_000 },
    );
    const text = await page.evaluate(() => document.body.innerText);
    const shot = process.env['DOCS_SCREENSHOT'];
    if (shot !== undefined) writeFileSync(shot, await page.screenshot());
    for (const part of [
      'VectorStream',
      'Events',
      'Search',
      'Embeddings',
      'Dead letters',
      'Fleet',
      'Live',
      'Health',
      'Operation',
    ])
      expect(text).toContain(part);
    expect([...hosts]).toEqual([new URL(gateway.url).host]);
    expect(troubles).toEqual([]);
    await page.close();
  },
  120_000,
);

test('below a path, the pages find their files and the gateway there', async () => {
  if (browser === undefined || gateway === undefined) throw new Error('Nothing was started.');
  const page = await browser.newPage();
  const answers: { readonly path: string; readonly status: number }[] = [];
  page.on('response', (response) =>
    answers.push({ path: new URL(response.url()).pathname, status: response.status() }),
  );
  await page.goto(`${gateway.url}/vectors/demo`, { waitUntil: 'networkidle0', timeout: 60_000 });
  const scope = await page.evaluate(async () => (await navigator.serviceWorker.ready).scope);
  expect(new URL(scope).pathname).toBe('/vectors/');
  expect(answers.length).toBeGreaterThan(4);
  expect(
    answers.filter(({ path, status }) => !path.startsWith('/vectors/') || status >= 400),
  ).toEqual([]);
  // A wrong token is refused by the gateway behind the same path.
  await page.goto(`${gateway.url}/vectors/runner#token=wrong`, { timeout: 60_000 });
  await page.waitForFunction(() => /does not accept/.test(document.body.innerText), {
    timeout: 60_000,
  });
  expect(answers).toContainEqual({ path: '/vectors/runners/connect', status: 401 });
  await page.close();
}, 120_000);
