// The console in a real Chromium on a real gateway: every view at three sizes, light and dark,
// without a violation of accessibility rules; its main actions; and a gateway that goes and comes.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'puppeteer';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { needsBrowser, noWebGpu, openBrowser } from '../helpers/browser.ts';
import { startGatewayWithFakeFleet } from '../helpers/fake-fleet.ts';
import type { RunningGateway } from '../helpers/gateway-program.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const apiKey = 'a-key-that-nobody-can-guess-42';
const waitMs = 60_000;
// Each view is checked six times, and the machine may be busy.
vi.setConfig({ testTimeout: 240_000 });
const open = new AsyncDisposableStack();
let browser: Browser;
let gateway: RunningGateway;
let folder: string;

const event = (id: string, changes: Record<string, unknown> = {}) => ({
  event_id: id,
  timestamp: new Date().toISOString(),
  user_id: 'u-1',
  session_id: 's-1',
  event_type: 'view',
  product: { id: `p-${id}`, name: `Enamel kettle ${id}`, category: 'Kitchen', price: 39.9 },
  ...changes,
});

async function send(to: RunningGateway, events: readonly object[]): Promise<void> {
  const body = events.map((each) => JSON.stringify(each)).join('\n');
  const path = '/events?on_invalid=dead_letter';
  expect((await to.post(path, body, 'application/x-ndjson')).status).toBe(202);
  await to.idle(waitMs);
}

beforeAll(async () => {
  const started = await openBrowser(open, [...noWebGpu, '--lang=en-US']);
  if (started === null) return;
  browser = started;
  folder = open.use(await temporaryFolder()).path;
  gateway = open.use(await startGatewayWithFakeFleet(`${folder}/data`));
  await send(gateway, [
    ...Array.from({ length: 30 }, (_, index) => event(`e-${index}`)),
    event('wrong-1', { user_id: {} }),
    event('wrong-2', { user_id: true }),
  ]);
}, waitMs * 2);
afterAll(() => open.disposeAsync());

/** `troubles`: errors of page and console, and requests to other hosts; should stay empty. */
async function view(
  path: string,
  url = gateway.url,
): Promise<{ readonly page: Page; readonly troubles: readonly string[] }> {
  const page = await browser.newPage();
  page.setDefaultTimeout(waitMs);
  const troubles: string[] = [];
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') troubles.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) troubles.push(`asked ${request.url()}`);
  });
  await page.goto(url + path, { waitUntil: 'load' });
  return { page, troubles };
}

const shows = (page: Page, text: string) =>
  page.waitForFunction((wanted) => document.body.innerText.includes(wanted), {}, text);

/** The button whose name, or whose label for screen readers, begins so. */
const press = (page: Page, name: string) =>
  page.locator(`::-p-aria([role="button"][name="${name}"])`).click();

async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe);
  const found: unknown = await page.evaluate(
    'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + " " + nodes[0].html))',
  );
  return Array.isArray(found) ? found.map(String) : [String(found)];
}

const views = [
  ['/', 'It works, with a warning', '.chart-frame canvas'],
  ['/search?q=enamel%20kettle', 'hits in', '.hit'],
  ['/fleet', 'Ready', 'tbody tr'],
  ['/dead-letters', '2 dead letters', '.letter textarea'],
] as const;

describe.each(views)('%s', (path, text, selector) => {
  test('is right at every size, in light and in dark', async ({ skip }) => {
    await needsBrowser(skip);
    const { page, troubles } = await view(path);
    await shows(page, text);
    await page.waitForSelector(selector);
    for (const [width, height] of [
      [1280, 800],
      [768, 1024],
      [390, 844],
    ] as const)
      for (const value of ['light', 'dark']) {
        await page.setViewport({ width, height });
        await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value }]);
        expect([`${width} ${value}`, ...(await violations(page))]).toEqual([`${width} ${value}`]);
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(wider, `${width}: the page scrolls sideways`).toBeLessThanOrEqual(0);
      }
    expect(troubles).toEqual([]);
    await page.close();
  });
});

test('Home shows an event as it becomes searchable, and each range of its charts', async ({
  skip,
}) => {
  await needsBrowser(skip);
  const { page, troubles } = await view('/');
  await shows(page, 'Newest searchable events');
  await send(gateway, [
    event('live-1', { product: { id: 'p-l', name: 'Walnut ukulele', price: 5 } }),
  ]);
  await shows(page, 'Walnut ukulele');
  for (const range of await page.$$('input[name=range]')) {
    await range.click();
    await page.waitForSelector('.chart-frame canvas');
  }
  expect(troubles).toEqual([]);
  await page.close();
});

test('Search follows what is typed, and keeps it in the address', async ({ skip }) => {
  await needsBrowser(skip);
  const { page, troubles } = await view('/search');
  await shows(page, 'What are you looking for?');
  await page.type('#query', 'kettle');
  await page.waitForSelector('.hit');
  await press(page, 'Purchase');
  await shows(page, 'Nothing matches.');
  expect(new URL(page.url()).search).toBe('?q=kettle&type=purchase');
  await page.reload();
  await shows(page, 'Nothing matches.');
  await press(page, 'Purchase');
  await page.waitForSelector('.hit');
  expect(troubles).toEqual([]);
  await page.close();
});

test('a dead letter is mended and replayed; a replay of all is tried first', async ({ skip }) => {
  await needsBrowser(skip);
  const { page, troubles } = await view('/dead-letters');
  await shows(page, '2 dead letters');
  await press(page, 'Try a replay');
  await shows(page, 'Of 2, 0 can be replayed unchanged and 2 would fail again.');
  await page.waitForFunction(() =>
    document.querySelector<HTMLTextAreaElement>('.letter textarea')?.value.includes('wrong-'),
  );
  await page.evaluate(() => {
    const field = document.querySelector<HTMLTextAreaElement>('.letter textarea');
    if (field === null) throw new Error('There is no letter.');
    field.value = field.value.replace(/"user_id": (\{\}|true)/, '"user_id": "u-7"');
    field.dispatchEvent(new InputEvent('input', { bubbles: true }));
  });
  // Another one arrives, and what was typed stays.
  await send(gateway, [event('wrong-3', { user_id: true })]);
  await shows(page, '3 dead letters');
  await shows(page, '1 newer');
  await press(page, 'Replay as mended');
  await shows(page, '2 dead letters');
  await gateway.idle(waitMs);
  expect((await gateway.stats()).dead_letters.open).toBe(2);
  expect(troubles).toEqual([]);
  await page.close();
});

test('a gateway that stops is said to be cut off; the page recovers by itself', async ({
  skip,
}) => {
  await needsBrowser(skip);
  await using first = await startGatewayWithFakeFleet(`${folder}/restart`);
  const { page } = await view('/', first.url);
  await shows(page, 'It works, with a warning');
  await first[Symbol.asyncDispose]();
  await shows(page, 'The gateway has not answered since');
  expect(await violations(page)).toEqual([]);
  await using again = await startGatewayWithFakeFleet(`${folder}/restart`, {
    VECTORSTREAM_PORT: new URL(first.url).port,
  });
  expect(again.url).toBe(first.url);
  await page.waitForFunction(
    () =>
      !document.body.innerText.includes('has not answered since') &&
      document.querySelector('.bar-end')?.textContent === 'Live',
  );
  await page.close();
});

test('a wrong key is refused, and the right one is kept for the tab', async ({ skip }) => {
  await needsBrowser(skip);
  await using locked = await startGatewayWithFakeFleet(`${folder}/locked`, {
    VECTORSTREAM_API_KEYS: `reader:read:${apiKey}`,
  });
  const { page } = await view('/', locked.url);
  await shows(page, 'This gateway asks for an API key.');
  expect(await violations(page)).toEqual([]);
  await page.type('input[type=password]', 'a-wrong-key-of-some-length');
  await page.keyboard.press('Enter');
  await shows(page, 'does not accept this key');
  expect(await violations(page)).toEqual([]);
  await page.$eval('input[type=password]', (field) => {
    if (field instanceof HTMLInputElement) field.select();
  });
  await page.type('input[type=password]', apiKey);
  await page.keyboard.press('Enter');
  await shows(page, 'It works, with a warning');
  await page.reload();
  await shows(page, 'It works, with a warning');
  await page.close();
});
