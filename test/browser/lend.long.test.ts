// /lend in a real Chromium: one click to join the fleet of a real gateway, vectors that it makes,
// one click to leave, and what it says when a key is needed, wrong, or the gateway is gone.

import type { Browser } from 'puppeteer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { needsBrowser, noWebGpu, openBrowser } from '../helpers/browser.ts';
import { startGateway, type RunningGateway } from '../helpers/gateway-program.ts';
import { sendEvents, shopEvents } from '../helpers/shop-events.ts';
import { modelWithFewGoldenTexts } from '../helpers/small-golden.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { watchPage } from './watched-page.ts';

const waitMsMax = 240_000;
const open = new AsyncDisposableStack();
let browser: Browser;
let gateway: RunningGateway;
let folder: string;
let model: string;

beforeAll(async () => {
  const started = await openBrowser(open, [...noWebGpu, '--lang=en-US']);
  if (started === null) return;
  browser = started;
  folder = open.use(await temporaryFolder()).path;
  // A busy machine proves them in seconds.
  model = await modelWithFewGoldenTexts(`${folder}/model`);
  gateway = open.use(await start('data'));
}, waitMsMax);
afterAll(() => open.disposeAsync());

/** Without a runner of its own. */
const start = (data: string, environment: Record<string, string> = {}): Promise<RunningGateway> =>
  startGateway(`${folder}/${data}`, {
    VECTORSTREAM_RUNNERS: '0',
    VECTORSTREAM_MODEL: model,
    ...environment,
  });

const lendPage = (url = gateway.url) => watchPage(browser, url, '/lend', waitMsMax);

test('without a key, one click lends the tab and one click ends that, in order', async ({
  skip,
}) => {
  await needsBrowser(skip);
  const { page, troubles, shows, press, text, isRightAtEverySize } = await lendPage();
  await shows('What it costs');
  await isRightAtEverySize();
  await press('Lend this tab');
  await shows('In the fleet');
  // The vectors were proven once, by the session that joined.
  const told = await page.evaluate(() => window.vectorstream?.status.history ?? []);
  expect(told.filter(({ text: line }) => line.includes(' is ready: '))).toHaveLength(1);
  // The first right candidate joined; what else is possible is measured later.
  const measured = await page.evaluate(() => window.vectorstream?.status.measured);
  expect(measured).toMatchObject([{ device: 'wasm', dtype: 'q8', ok: true }]);
  const [runner] = (await gateway.stats()).runners;
  expect(runner).toMatchObject({ name: 'Chrome tab', dtype: 'q8' });

  expect((await sendEvents(gateway, shopEvents(60, 30))).acknowledged.size).toBe(60);
  expect(await gateway.idle(waitMsMax)).toMatchObject({
    events: { stored: 60, dead_lettered: 0 },
    store: { texts: 30 },
  });
  await page.waitForFunction(
    () => Number(document.querySelector('[data-texts]')?.getAttribute('data-texts')) >= 30,
  );
  await shows('100 %');
  await isRightAtEverySize();
  await press('Leave the fleet');
  await page.waitForSelector('[data-lending=idle]');
  expect(await text('#state')).toBe('Left the fleet');
  await shows('Thank you for your help.');
  await until(
    'the fleet is empty',
    waitMsMax,
    async () => (await gateway.stats()).runners.length === 0,
  );
  expect(troubles).toEqual([]);
  await page.close();
});

test('with a key, the field says what is wrong with it, and takes the right one', async ({
  skip,
}) => {
  await needsBrowser(skip);
  const key = 'a-key-that-is-long-enough-for-a-gateway';
  await using locked = await start('locked', { VECTORSTREAM_API_KEY: key });
  const { page, shows, press, text, violations } = await lendPage(locked.url);
  await press('Lend this tab');
  await page.waitForSelector('#credential');
  expect(await text('#credential-trouble')).toContain('paste a join token or an API key');
  expect(await violations()).toEqual([]);
  await page.type('#credential', 'not-the-key');
  await press('Lend this tab');
  await shows('does not accept this token');
  expect(await text('#credential-trouble')).toContain('does not accept this token');
  // What was typed is still there to be corrected.
  expect(await page.$eval('input', ({ value }) => value)).toBe('not-the-key');
  await page.$eval('input', (field) => field.select());
  await page.type('#credential', key);
  await page.keyboard.press('Enter');
  // The gateway has given a token: the tab loads the model.
  await page.waitForSelector('[data-lending=lending]');
  // The key is stored nowhere.
  const stored = await page.evaluate(() =>
    JSON.stringify([Object.values(localStorage), Object.values(sessionStorage), document.cookie]),
  );
  expect(stored).not.toContain(key);
  await page.close();
});

test('a gateway that is gone is said so, and the tab goes on once it is back', async ({ skip }) => {
  await needsBrowser(skip);
  await using first = await start('restart');
  const { page, shows, press, violations } = await lendPage(first.url);
  await shows('What it costs');
  await first[Symbol.asyncDispose]();
  await press('Lend this tab');
  await shows('The gateway cannot be reached; trying again in');
  expect(await violations()).toEqual([]);
  await using _ = await start('restart', {
    VECTORSTREAM_PORT: new URL(first.url).port,
  });
  await page.waitForSelector('[data-lending=lending]');
  await page.close();
});
