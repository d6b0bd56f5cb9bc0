// The console in a real Chromium on a real gateway: every view at three sizes, light and dark,
// without a violation of accessibility rules; its main actions; and a gateway that goes and comes.

import type { Browser, Page } from 'puppeteer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needsBrowser, noWebGpu, openBrowser } from '../helpers/browser.ts';
import { startGatewayWithFakeFleet } from '../helpers/fake-fleet.ts';
import type { RunningGateway } from '../helpers/gateway-program.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { startPictureHost, type PictureHost } from './picture-host.ts';
import { watchPage } from './watched-page.ts';

const apiKey = 'a-key-that-nobody-can-guess-42';
const waitMs = 180_000;
const open = new AsyncDisposableStack();
let browser: Browser;
let gateway: RunningGateway;
let folder: string;
let pictures: PictureHost;

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
  pictures = open.use(await startPictureHost());
  gateway = open.use(
    await startGatewayWithFakeFleet(`${folder}/data`, {
      VECTORSTREAM_PICTURE_ORIGINS: pictures.origin,
      VECTORSTREAM_EVENTS_TYPES: 'click:view:0.5',
    }),
  );
  await send(gateway, [
    ...Array.from({ length: 30 }, (_, index) => event(`e-${index}`)),
    event('wrong-1', { user_id: {} }),
    event('wrong-2', { user_id: true }),
  ]);
}, waitMs * 2);
afterAll(() => open.disposeAsync());

const view = (path: string, url = gateway.url) => watchPage(browser, url, path, waitMs);

const banjo = (id: string, name: string) => event(id, { product: { id: name, name, price: 5 } });

const valueOf = (page: Page, selector: string) =>
  page.$eval(selector, (field) => 'value' in field && field.value);

const views = [
  ['/', 'It works, with a warning', '.chart-frame canvas'],
  ['/search?q=enamel%20kettle', 'hits in', '.hit'],
  ['/fleet', 'Ready', 'tbody tr'],
  ['/dead-letters', '2 dead letters', '.dead-letter textarea'],
  ['/design', 'Design system', '.chart-frame canvas'],
] as const;

describe.each(views)('%s', (path, text, selector) => {
  test('is right at every size, in light and in dark', async ({ skip }) => {
    await needsBrowser(skip);
    const { page, troubles, shows, isRightAtEverySize } = await view(path);
    await shows(text);
    await page.waitForSelector(selector);
    await isRightAtEverySize();
    expect(troubles).toEqual([]);
    await page.close();
  });
});

test('Home shows an event as it becomes searchable, and each range of its charts', async ({
  skip,
}) => {
  await needsBrowser(skip);
  const { page, troubles, shows } = await view('/');
  await shows('Newest searchable events');
  await send(gateway, [
    event('live-1', { product: { id: 'p-l', name: 'Walnut ukulele', price: 5 } }),
  ]);
  await shows('Walnut ukulele');
  for (const range of await page.$$('input[name=range]')) {
    await range.click();
    await page.waitForSelector('.chart-frame canvas');
  }
  expect(troubles).toEqual([]);
  await page.close();
});

test('Search follows what is typed, and keeps it in the address', async ({ skip }) => {
  await needsBrowser(skip);
  const { page, troubles, shows, press } = await view('/search');
  await shows('What are you looking for?');
  await page.type('#query', 'kettle');
  await page.waitForSelector('.hit');
  await press('Purchase');
  await shows('Nothing matches.');
  expect(new URL(page.url()).search).toBe('?q=kettle&type=purchase');
  await page.reload();
  await shows('Nothing matches.');
  await press('Purchase');
  await page.waitForSelector('.hit');
  // A type that the settings add.
  await press('click');
  await shows('Nothing matches.');
  expect(troubles).toEqual([]);
  await page.close();
});

test('Search brings its hits up to date in their places, and holds new ones back', async ({
  skip,
}) => {
  await needsBrowser(skip);
  await send(gateway, [banjo('b-1', 'Teak banjo')]);
  const { page, troubles, shows, press, violations } = await view('/search?q=banjo');
  await page.waitForSelector('.hit');
  const hits = () => page.$$eval('.hit h2', (all) => all.map(({ textContent }) => textContent));
  const before = await hits();
  await send(gateway, [banjo('b-2', 'Teak banjo'), banjo('b-3', 'Maple banjo')]);
  await shows('1 new');
  expect(await hits()).toEqual(before);
  expect(await page.$eval('.hit-events', ({ textContent }) => textContent)).toContain('View 2');
  expect(await violations()).toEqual([]);
  await press('1 new hits: show them');
  await shows('Maple banjo');
  expect(troubles).toEqual([]);
  await page.close();
});

test('Search shows the picture of a product from a host that the settings name', async ({
  skip,
}) => {
  await needsBrowser(skip);
  const products = ['good', 'gone'].map((name) => ({
    id: `p-${name}`,
    name: `Sitar, ${name}`,
    price: 5,
    image: `${pictures.origin}/${name}.svg`,
  }));
  const put = await gateway.post('/products', JSON.stringify(products));
  expect(put.status).toBe(202);
  for (const { id } of products)
    await expect
      .poll(async () => (await gateway.get(`/products/${id}`)).body, { timeout: waitMs })
      .toMatchObject({ state: 'searchable' });
  const { page, shows } = await view('/search');
  const heads: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'HEAD') heads.push(request.url());
  });
  await page.type('#query', 'sitar');
  await page.waitForFunction(() => {
    const shown = document.querySelector<HTMLImageElement>('img.picture');
    // The other one was not found: its letter is in its place.
    return shown !== null && shown.naturalWidth > 0 && document.querySelector('span.picture');
  });
  expect(pictures.asked.toSorted()).toEqual(['/gone.svg', '/good.svg']);
  await page.click('#query', { count: 3 });
  await page.keyboard.press('Backspace');
  await shows('What are you looking for?');
  await page.type('#query', 'sitar');
  await page.waitForSelector('img.picture');
  expect(heads).toHaveLength(1);
  await page.close();
});

test('a dead letter is mended and replayed; a replay of all is tried first', async ({ skip }) => {
  await needsBrowser(skip);
  const { page, troubles, shows, press, violations } = await view('/dead-letters');
  await shows('2 dead letters');
  // A word narrows the list, and what is done to it.
  await page.type('.causes input[type=search]', 'wrong-2');
  await shows('Only with “wrong-2”');
  await press('Try a replay');
  await shows('Of 1, 0 can be replayed unchanged and 1 would fail again.');
  await (await page.$('.causes input[type=radio]:not(:checked)'))?.click();
  await page.waitForSelector('.cause-list h3');
  expect(await violations()).toEqual([]);
  await page.$eval('.causes input[type=search]', (field) => {
    if (field instanceof HTMLInputElement) field.select();
  });
  await page.keyboard.press('Backspace');
  await shows('Only user_id');
  await page.waitForFunction(() => !document.body.innerText.includes('wrong-2”'));
  await press('Try a replay');
  await shows('Of 2, 0 can be replayed unchanged and 2 would fail again.');
  await page.waitForFunction(() =>
    document.querySelector<HTMLTextAreaElement>('.dead-letter textarea')?.value.includes('wrong-'),
  );
  await page.evaluate(() => {
    const field = document.querySelector<HTMLTextAreaElement>('.dead-letter textarea');
    if (field === null) throw new Error('There is no deadLetter.');
    field.value = field.value.replace(/"user_id": (\{\}|true)/, '"user_id": "u-7"');
    field.dispatchEvent(new InputEvent('input', { bubbles: true }));
  });
  // Another one arrives, and what was typed stays.
  await send(gateway, [event('wrong-3', { user_id: true })]);
  await shows('3 dead letters');
  await shows('1 newer');
  await press('Replay as mended');
  await shows('2 dead letters');
  await gateway.idle(waitMs);
  expect((await gateway.stats()).dead_letters.open).toBe(2);
  expect(troubles).toEqual([]);
  await page.close();
});

test('Fleet drains a runner, keeps one out with a reason, and makes a link to join', async ({
  skip,
}) => {
  await needsBrowser(skip);
  await using own = await startGatewayWithFakeFleet(`${folder}/fleet`);
  const { page, troubles, shows, press, violations } = await view('/fleet', own.url);
  await press('Drain fake');
  await shows('fake finishes its jobs and leaves.');
  await press('Make a link');
  await page.waitForSelector('.qr-code');
  // The runner is back, because nobody stopped it.
  await press('Quarantine fake…');
  await page.type('.quarantine input', 'its machine is shared');
  expect(await violations()).toEqual([]);
  await page.keyboard.press('Enter');
  await shows('In quarantine');
  await shows('by an operator: its machine is shared');
  expect((await own.stats()).runners[0]?.state).toBe('quarantined');
  expect(troubles).toEqual([]);
  await page.close();
});

test('when the gateway stops, each page says so, recovers and keeps what was typed', async ({
  skip,
}) => {
  await needsBrowser(skip);
  await using first = await startGatewayWithFakeFleet(`${folder}/restart`);
  await send(first, [event('r-1')]);
  const [home, search, fleet, demo] = [
    await view('/', first.url),
    await view('/search?q=kettle', first.url),
    await view('/fleet', first.url),
    await view('/demo', first.url),
  ];
  await home.shows('It works, with a warning');
  await search.page.waitForSelector('.hit');
  await fleet.press('Quarantine fake…');
  await fleet.page.type('.quarantine input', 'its machine is shared');
  await demo.page.waitForSelector('#list');
  await demo.page.$eval('#list', (field) => {
    if (field instanceof HTMLTextAreaElement) field.value = 'paper kite';
    field.dispatchEvent(new InputEvent('input', { bubbles: true }));
  });

  await first[Symbol.asyncDispose]();
  for (const { shows } of [home, search, fleet]) await shows('The gateway has not answered since');
  expect(await home.violations()).toEqual([]);
  await search.page.type('#query', ' enamel');
  await search.shows('The gateway does not answer.');
  await demo.press('Embed 1 product');
  await demo.shows('trying again in');
  expect(await demo.violations()).toEqual([]);

  await using again = await startGatewayWithFakeFleet(`${folder}/restart`, {
    VECTORSTREAM_PORT: new URL(first.url).port,
  });
  expect(again.url).toBe(first.url);
  for (const { page } of [home, search, fleet])
    await page.waitForFunction(
      () =>
        !document.body.innerText.includes('answer') &&
        document.querySelector('.bar-end')?.textContent === 'Live',
    );
  await search.page.waitForFunction(() =>
    document.querySelector('.results-head')?.textContent?.startsWith('One hit'),
  );
  expect(await valueOf(search.page, '#query')).toBe('kettle enamel');
  await fleet.page.waitForSelector('.quarantine input');
  expect(await valueOf(fleet.page, '.quarantine input')).toBe('its machine is shared');
  // Now it has asked the gateway, whose model has no weights.
  await demo.shows('no files of fake-model that this browser can run');
  expect(await valueOf(demo.page, '#list')).toBe('paper kite');
  for (const { page } of [home, search, fleet, demo]) await page.close();
});

test('a wrong key is refused, and the right one is kept for the tab', async ({ skip }) => {
  await needsBrowser(skip);
  await using locked = await startGatewayWithFakeFleet(`${folder}/locked`, {
    VECTORSTREAM_API_KEYS: `reader:read:${apiKey}`,
  });
  const { page, shows, violations } = await view('/', locked.url);
  await shows('This gateway asks for an API key.');
  expect(await violations()).toEqual([]);
  await page.type('input[type=password]', 'a-wrong-key-of-some-length');
  await page.keyboard.press('Enter');
  await shows('does not accept this key');
  expect(await violations()).toEqual([]);
  await page.$eval('input[type=password]', (field) => {
    if (field instanceof HTMLInputElement) field.select();
  });
  await page.type('input[type=password]', apiKey);
  await page.keyboard.press('Enter');
  await shows('It works, with a warning');
  await page.reload();
  await shows('It works, with a warning');
  await page.close();
});
