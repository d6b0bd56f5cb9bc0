// Drives the demo in a real browser as a person does, and reads what the page then shows.

import type { BrowserContext, Page } from 'puppeteer';

type DemoDriver = {
  readonly page: Page;
  /** Presses the button of the list and waits until every product has its vector. */
  embed(): Promise<void>;
  /** Replaces the content of the field. */
  typeList(list: string): Promise<void>;
  /**
   * Types into the search field; resolves with the names of the hits once they are those of this
   * query.
   */
  search(query: string): Promise<readonly string[]>;
  /** Text of the first element; '' when there is none. */
  text(selector: string): Promise<string>;
  count(selector: string): Promise<number>;
  /** Resolves once the map has that many points. */
  mapHas(points: number): Promise<void>;
};

export type DemoPage = DemoDriver & {
  /** Errors of page and console, and requests to other hosts; should stay empty. */
  readonly troubles: readonly string[];
  /** How many workers have loaded the model; each proves it once. */
  readonly proofs: () => number;
};

export const waitMsMax = 150_000;

export async function openDemo(context: BrowserContext, url: string): Promise<DemoPage> {
  const page = await context.newPage();
  page.setDefaultTimeout(waitMsMax);
  const troubles: string[] = [];
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') troubles.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) troubles.push(`asked ${request.url()}`);
  });
  let workers = 0;
  // The runtime's threads are workers too.
  page.on('workercreated', (worker) => {
    if (worker.url().includes('embedding-worker')) workers += 1;
  });
  await page.goto(`${url}/demo`, { waitUntil: 'load' });
  await page.waitForSelector('#list');
  return { ...driveDemo(page), troubles, proofs: () => workers };
}

/** @param page one that shows the demo */
export function driveDemo(page: Page): DemoDriver {
  return {
    page,
    text: (selector) =>
      page.evaluate((wanted) => document.querySelector(wanted)?.textContent ?? '', selector),
    async embed() {
      await page.click('form button[type=submit]');
      await page.waitForSelector('[data-phase=ready]');
    },
    async typeList(list) {
      // Like a paste: all at once, with one event.
      await page.evaluate((value) => {
        const field = document.querySelector<HTMLTextAreaElement>('#list');
        if (field === null) throw new Error('There is no list.');
        field.value = value;
        field.dispatchEvent(new InputEvent('input', { bubbles: true }));
        // After the page has rendered the result.
        return new Promise<void>((resolve) => {
          requestAnimationFrame(() => resolve());
        });
      }, list);
    },
    async search(query) {
      await page.$eval('#query', (field) => {
        if (field instanceof HTMLInputElement) field.select();
      });
      await page.type('#query', query);
      await page.waitForSelector(`.results[data-query="${query}"] .hit`);
      return page.$$eval('.hit strong', (names) => names.map((name) => name.textContent ?? ''));
    },
    async mapHas(points) {
      await page.waitForFunction(
        (wanted) => document.querySelectorAll('.map-point').length === wanted,
        {},
        points,
      );
    },
    count: (selector) =>
      page.evaluate((wanted) => document.querySelectorAll(wanted).length, selector),
  };
}
