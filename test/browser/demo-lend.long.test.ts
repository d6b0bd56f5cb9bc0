// The demo's tab in the fleet of a real gateway: one click to join, events that it embeds, and one
// click to leave with nothing lost.

import type { Browser } from 'puppeteer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { needsBrowser, noWebGpu, openBrowser } from '../helpers/browser.ts';
import { startGateway } from '../helpers/gateway-program.ts';
import { sendEvents, shopEvents } from '../helpers/shop-events.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { openDemo, waitMsMax, type DemoPage } from './demo-page.ts';

const open = new AsyncDisposableStack();
let browser: Browser;

beforeAll(async () => {
  const started = await openBrowser(open, noWebGpu);
  if (started === null) return;
  browser = started;
}, waitMsMax);
afterAll(() => open.disposeAsync());

const panel = 'section[data-lending]';
const lendButton = `${panel} form button`;
const joined = (demo: DemoPage) =>
  demo.page.waitForFunction(
    (selector) => document.querySelector(selector)?.textContent?.includes('In the fleet') === true,
    {},
    panel,
  );

test(
  'without a key, one click lends the tab, which counts its texts and leaves in order',
  { timeout: waitMsMax },
  async ({ skip }) => {
    await needsBrowser(skip);
    await using folder = await temporaryFolder();
    await using gateway = await startGateway(folder.path, { VECTORSTREAM_RUNNERS: '0' });
    const demo = await openDemo(browser.defaultBrowserContext(), gateway.url);
    await demo.page.click(lendButton);
    await joined(demo);
    expect((await gateway.stats()).runners).toMatchObject([{ name: 'demo page' }]);

    const sent = await sendEvents(gateway, shopEvents(60, 30));
    expect(sent.acknowledged.size).toBe(60);
    expect(await gateway.idle(waitMsMax)).toMatchObject({
      events: { stored: 60, dead_lettered: 0 },
      store: { texts: 30 },
    });
    await until(
      'the page counts what it embedded',
      waitMsMax,
      async () =>
        Number(
          await demo.page.$eval('[data-texts]', (figure) => figure.getAttribute('data-texts')),
        ) >= 30,
    );

    await demo.page.click(`${panel} .actions button`);
    await demo.page.waitForSelector('section[data-lending=idle]');
    expect(await demo.text(`${panel} [role=status]`)).toMatch(
      /^Left the fleet after \d+ texts\. Thank you\.$/,
    );
    await until(
      'the fleet is empty',
      waitMsMax,
      async () => (await gateway.stats()).runners.length === 0,
    );
    expect(demo.troubles).toEqual([]);
    await demo.page.close();
  },
);

test(
  'with a key, the tab asks for one, says when it is wrong, and joins with the right one',
  { timeout: waitMsMax },
  async ({ skip }) => {
    await needsBrowser(skip);
    await using folder = await temporaryFolder();
    const key = 'a key that is long enough for a gateway';
    await using gateway = await startGateway(folder.path, {
      VECTORSTREAM_RUNNERS: '0',
      VECTORSTREAM_API_KEY: key.replaceAll(' ', '-'),
    });
    const demo = await openDemo(browser.defaultBrowserContext(), gateway.url);
    await demo.page.click(lendButton);
    await demo.page.waitForSelector('#credential');
    expect(await demo.text(`${panel} [role=alert]`)).toContain('paste a join token or an API key');
    await demo.page.type('#credential', 'not-the-key');
    await demo.page.click(lendButton);
    await demo.page.waitForFunction(
      (selector) =>
        document.querySelector(selector)?.textContent?.includes('does not accept this token') ===
        true,
      {},
      panel,
    );
    await demo.page.$eval('#credential', (field) => {
      if (field instanceof HTMLInputElement) field.select();
    });
    await demo.page.type('#credential', key.replaceAll(' ', '-'));
    await demo.page.keyboard.press('Enter');
    await joined(demo);
    // The pasted key is stored nowhere.
    expect(
      await demo.page.evaluate(() =>
        JSON.stringify([
          Object.values(localStorage),
          Object.values(sessionStorage),
          document.cookie,
        ]),
      ),
    ).not.toContain(key.replaceAll(' ', '-'));
    await demo.page.close();
  },
);
