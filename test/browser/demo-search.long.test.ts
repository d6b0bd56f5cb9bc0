// What a newcomer sees: the search page of the gateway that `npm run demo` has started and filled.

import { afterAll, expect, test } from 'vitest';
import { needsBrowser, noWebGpu, openBrowser } from '../helpers/browser.ts';
import { startDemo } from '../helpers/demo-program.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { watchPage } from './watched-page.ts';

const waitMs = 240_000;
const events = 2500;
const open = new AsyncDisposableStack();
afterAll(() => open.disposeAsync());

test(
  'a gift for a child who likes music is a musical toy, found by what it means',
  { timeout: 2 * waitMs },
  async ({ skip }) => {
    await needsBrowser(skip);
    const browser = await openBrowser(open, [...noWebGpu, '--lang=en-US']);
    if (browser === null) return;
    const folder = open.use(await temporaryFolder());
    const { gateway } = open.use(
      await startDemo(folder.path, '--count', String(events), '--invalid-percent', '0'),
    );
    await until(
      'the demo has stored all',
      waitMs,
      async () => (await gateway.stats()).store.events === events,
    );
    const { page, troubles, press } = await watchPage(browser, gateway.url, '/search', waitMs);
    await press('gift for a child who likes music');
    // The page searches while the query is typed: the first hits may be those of its beginning.
    await until('a hit is musical', waitMs, async () =>
      page.$$eval('.hit h2', (names) =>
        names.some(({ textContent }) => /\bmusical\b/i.test(textContent ?? '')),
      ),
    );
    expect(troubles).toEqual([]);
    await page.close();
  },
);
