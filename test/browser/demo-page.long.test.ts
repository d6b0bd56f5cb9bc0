// The demo in a real Chromium without WebGPU: a list becomes vectors, a map and a search, within
// the page and even without a network.

import type { Browser } from 'puppeteer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needsBrowser, noWebGpu, openBrowser } from '../helpers/browser.ts';
import { startGateway, type RunningGateway } from '../helpers/gateway-program.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { openDemo, waitMsMax, type DemoPage } from './demo-page.ts';

const open = new AsyncDisposableStack();
let browser: Browser;
let gateway: RunningGateway;
let demo: DemoPage;

beforeAll(async () => {
  const started = await openBrowser(open, noWebGpu);
  if (started === null) return;
  browser = started;
  const folder = open.use(await temporaryFolder());
  gateway = open.use(await startGateway(folder.path, { VECTORSTREAM_RUNNERS: '0' }));
  demo = await openDemo(browser.defaultBrowserContext(), gateway.url);
}, waitMsMax);
afterAll(() => open.disposeAsync());

describe('the demo', { timeout: waitMsMax }, () => {
  test('embeds the sample, shows device and speed, and draws every product', async ({ skip }) => {
    await needsBrowser(skip);
    await demo.embed();
    expect(await demo.text('[data-phase]')).toBe('64 products embedded. Search away.');
    expect(await demo.text('.facts')).toMatch(
      /Speed[\d.,]+ texts\/sPer text[\d.,]+ msRuns onWebAssembly q8Adapterthe processor, \d+ t/,
    );
    await demo.mapHas(64);
  });

  test('finds by meaning: the first hit shares no word with the query', async ({ skip }) => {
    await needsBrowser(skip);
    expect((await demo.search('keeps me dry in a storm'))[0]).toBe('Drizzle Shell');
    expect((await demo.search('better coffee at home')).slice(0, 2).toSorted()).toEqual([
      'Brasa Moka Pot',
      'Grindwell 40',
    ]);
    expect(await demo.text('.hit-score')).toMatch(/^0\.\d\d$/);
    expect([await demo.count('.map-query'), await demo.count('.map-link')]).toEqual([1, 3]);
  });

  test('works without a mouse: keys move over the map, describe and search products', async ({
    skip,
  }) => {
    await needsBrowser(skip);
    await demo.page.$eval('.map svg', (map) => {
      if (map instanceof SVGElement) map.focus();
    });
    for (const key of ['ArrowRight', 'ArrowRight', 'ArrowDown'] as const)
      await demo.page.keyboard.press(key);
    await demo.page.waitForSelector('.map-detail strong');
    const name = await demo.text('.map-detail strong');
    const answered = () =>
      demo.page.$eval('.results', (results) => results.getAttribute('data-query'));
    const before = await answered();
    await demo.page.keyboard.press('Enter');
    await expect.poll(answered, { timeout: waitMsMax }).not.toBe(before);
    expect(await demo.text('.hit strong')).toBe(name);
    expect(Number(await demo.text('.hit-score'))).toBeCloseTo(1, 1);
    // Tab alone reaches the rest, in visual order.
    await demo.page.focus('#query');
    const seen: string[] = [];
    for (let presses = 0; presses < 14; presses++) {
      seen.push(
        await demo.page.evaluate(
          () => document.activeElement?.id || (document.activeElement?.textContent ?? ''),
        ),
      );
      await demo.page.keyboard.press('Tab');
    }
    expect(
      seen.filter((one) =>
        [
          'query',
          'list',
          'Sample',
          'Clear',
          'Embed 64 products',
          'Compare on this machine',
        ].includes(one),
      ),
    ).toEqual(['query', 'Sample', 'Clear', 'list', 'Embed 64 products', 'Compare on this machine']);
  });

  test('accepts a pasted list, says what it left out, and embeds only what is new', async ({
    skip,
  }) => {
    await needsBrowser(skip);
    await demo.typeList('');
    expect(await demo.text('#list-notes')).toContain('The list is empty');
    expect(
      await demo.page.$eval(
        'form button[type=submit]',
        (button) => button instanceof HTMLButtonElement && button.disabled,
      ),
    ).toBe(true);
    await demo.typeList(Array.from({ length: 100_000 }, (_, i) => `n${i}`).join('\n'));
    expect(await demo.text('#list-notes')).toBe(
      'The list has 100,000 lines; the first 1,000 products are taken.',
    );
    await demo.typeList('x'.repeat(2_000_000));
    expect(await demo.text('#list-notes')).toContain('longer than 500 characters');
    expect(
      await demo.page.$eval(
        '#list',
        (field) => field instanceof HTMLTextAreaElement && field.value.length,
      ),
    ).toBe(500);
    await demo.typeList('🧤 warm gloves\nמעיל גשם, ביגוד\nعصا المشي\n<b>bold</b>, "quoted"');
    await demo.embed();
    await demo.mapHas(4);
    expect((await demo.search('cold hands'))[0]).toBe('🧤 warm gloves');
    expect(
      await demo.page.$$eval('.hit strong', (names) => names.map((name) => name.textContent)),
    ).toContain('<b>bold</b>');
  });

  test('compares with WebAssembly alone where there is no WebGPU, and says so', async ({
    skip,
  }) => {
    await needsBrowser(skip);
    await demo.page.click('section[aria-labelledby=compare-title] button');
    await demo.page.waitForSelector('[data-device=wasm][data-state=done]');
    expect(await demo.text('[data-device=webgpu]')).toContain(
      'This browser offers no WebGPU adapter',
    );
    expect(await demo.text('[data-device=wasm]')).toMatch(
      /WebAssembly q8, the processor, .*texts\/s, [\d.,]+ ms a text/,
    );
  });

  test('proves the model once, for the list, its search and the comparison', async ({ skip }) => {
    await needsBrowser(skip);
    expect(demo.proofs()).toBe(1);
  });

  test('sends no request to another host, and reports no error', async ({ skip }) => {
    await needsBrowser(skip);
    expect(demo.troubles).toEqual([]);
  });

  test('works without a network after the first visit: page, model and search', async ({
    skip,
  }) => {
    await needsBrowser(skip);
    await demo.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await demo.page.close();
    // The gateway has ended too, not only the page's network.
    await gateway[Symbol.asyncDispose]();
    await expect(fetch(gateway.url)).rejects.toThrow('fetch failed');
    const again = await openDemo(browser.defaultBrowserContext(), gateway.url);
    await again.page.setOfflineMode(true);
    await again.typeList('rubber boots\nfrying pan');
    // A first search embeds the list by itself.
    expect((await again.search('walk through puddles'))[0]).toBe('rubber boots');
  });
});
