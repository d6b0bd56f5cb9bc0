// What a newcomer sees: search and home page of a gateway that `npm run demo` started and filled.

import { afterAll, expect, test } from 'vitest';
import { needsBrowser, noWebGpu, openBrowser } from '../helpers/browser.ts';
import { startDemo } from '../helpers/demo-program.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { watchPage } from './watched-page.ts';

const waitMs = 240_000;
// In a stream of unique products, the same ones come first each time; two are musical teddy bears.
const events = 600;
const open = new AsyncDisposableStack();
afterAll(() => open.disposeAsync());

test(
  'a gift for a child who likes music is a musical toy; the home page starts more events',
  { timeout: 2 * waitMs },
  async ({ skip }) => {
    await needsBrowser(skip);
    const browser = await openBrowser(open, [...noWebGpu, '--lang=en-US']);
    if (browser === null) return;
    const folder = open.use(await temporaryFolder());
    const { gateway } = open.use(
      await startDemo(
        folder.path,
        '--stream',
        'unique',
        '--count',
        String(events),
        '--invalid-percent',
        '0',
      ),
    );
    await until(
      'the demo has stored all',
      waitMs,
      async () => (await gateway.stats()).store.events === events,
    );
    const { page, troubles, press } = await watchPage(browser, gateway.url, '/search', waitMs);
    await press('gift for a child who likes music');
    // The page searches while the query is typed: the first hits may be those of its beginning.
    await until('the first hit is a musical toy', waitMs, async () =>
      page.$$eval('.hit h2', ([first]) => first?.textContent?.startsWith('Musical') ?? false),
    );
    expect(troubles).toEqual([]);
    await page.close();

    // Its events are over: a person starts more of them, and stops them.
    const home = await watchPage(browser, gateway.url, '/', waitMs);
    await home.press('Start the generator');
    await home.shows('A made-up shop sends events');
    await until(
      'more is stored',
      waitMs,
      async () => (await gateway.stats()).store.events > events,
    );
    await home.press('Stop the generator');
    await home.shows('A made-up shop can send events');
    await home.isRightAtEverySize();
    expect(home.troubles).toEqual([]);
    await home.page.close();
  },
);
