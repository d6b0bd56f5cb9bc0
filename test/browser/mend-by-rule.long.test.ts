// /dead-letters in a real Chromium on a real gateway with 1,000 dead letters: one rule mends 300 of
// them, by keyboard; it is undone until it is sent, and outlives a gateway that is killed.

import type { Browser } from 'puppeteer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { needsBrowser, noWebGpu, openBrowser } from '../helpers/browser.ts';
import { startGatewayWithFakeFleet } from '../helpers/fake-fleet.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { watchPage } from './watched-page.ts';

const waitMs = 120_000;
const open = new AsyncDisposableStack();
let browser: Browser;

beforeAll(async () => {
  const started = await openBrowser(open, [...noWebGpu, '--lang=en-US']);
  if (started !== null) browser = started;
}, waitMs);
afterAll(() => open.disposeAsync());

/** 300 prices as a German shop writes them, 500 users and 200 queries that are no text. */
const deadLetters = Array.from({ length: 1000 }, (_, index) => ({
  event_id: `e-${index}`,
  timestamp: new Date().toISOString(),
  user_id: index >= 300 && index < 800 ? {} : 'u-1',
  session_id: 's-1',
  ...(index < 800
    ? {
        event_type: 'view',
        product: {
          id: `p-${index % 20}`,
          name: `Enamel kettle ${index % 20}`,
          price: index < 300 ? `${index},50 €` : 39.9,
        },
      }
    : { event_type: 'search', search_query: [index] }),
}));

test('one rule mends 300 of 1,000 dead letters, which are replayed', async ({ skip }) => {
  await needsBrowser(skip);
  const folder = open.use(await temporaryFolder()).path;
  await using first = await startGatewayWithFakeFleet(folder);
  const body = deadLetters.map((each) => JSON.stringify(each)).join('\n');
  await first.post('/events?on_invalid=dead_letter', body, 'application/x-ndjson');
  await first.idle(waitMs);
  const { page, shows, text, violations, isRightAtEverySize } = await watchPage(
    browser,
    first.url,
    '/dead-letters',
    waitMs,
  );
  await shows('1,000 dead letters');
  const enter = async (name: string): Promise<void> => {
    const button = await page.waitForSelector(`::-p-aria([role="button"][name="${name}"])`);
    await button?.focus();
    await page.keyboard.press('Enter');
  };
  await page.waitForSelector('.cause');
  const causes = await page.$$eval('.cause-count', (counts) => counts.map((b) => b.textContent));
  expect(causes).toEqual(['500', '300', '200']);
  await (await page.$$('.cause'))[1]?.focus();
  await page.keyboard.press('Enter');
  await enter('Mend by a rule');
  const [member, from] = ['.rule-line input', '.rule-line label:last-of-type input'];
  const typed = () => page.$$eval('.rule-line input', (inputs) => inputs.map(({ value }) => value));
  await page.waitForSelector(member);
  expect(await typed()).toEqual(['product.price', '{product.price}']);
  await enter('Preview the rule');
  await shows('Of 300, 0 can be replayed with this rule and 300 would fail again.');
  await page.select('.rule-line select', 'comma');
  await page.focus(from);
  await page.keyboard.press('Enter');
  await shows('Of 300, 300 can be replayed with this rule and 0 would fail again.');
  expect(await text('.changes')).toMatch(/product\.price: "\d+,50 €" → \d+\.5/);
  await isRightAtEverySize();

  await enter('Replay 300');
  await shows('Sending in');
  await enter('Undo');
  await shows('Replay 300');
  expect((await first.stats()).dead_letters.open).toBe(1000);

  first.child.kill('SIGKILL');
  await first.ended;
  await shows('The gateway has not answered since');
  expect(await violations()).toEqual([]);
  await using again = await startGatewayWithFakeFleet(folder, {
    VECTORSTREAM_PORT: new URL(first.url).port,
  });
  await page.waitForFunction(() => document.querySelector('.bar-end')?.textContent === 'Live');
  expect(await typed()).toEqual(['product.price', '{product.price}']);
  await enter('Replay 300');
  await shows('300 replayed: they are in the log again.');
  await shows('700 dead letters');
  const { events, dead_letters: left } = await again.idle(waitMs);
  expect([events.stored, left.open]).toEqual([300, 700]);
  await page.close();
});
