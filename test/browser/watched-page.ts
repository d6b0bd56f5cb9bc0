// Opens a page of the gateway in a real browser, and checks what a person meets: texts, buttons,
// accessibility rules and the width at every size.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'puppeteer';
import { expect } from 'vitest';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** A desktop, a tablet and a phone. */
const sizes = [
  [1280, 800],
  [768, 1024],
  [390, 844],
] as const;

export type WatchedPage = {
  readonly page: Page;
  /** Errors of page and console, and requests to other hosts; should stay empty. */
  readonly troubles: readonly string[];
  readonly shows: (text: string) => Promise<void>;
  /** Presses the button with this name, for a screen reader. */
  readonly press: (name: string) => Promise<void>;
  readonly text: (selector: string) => Promise<string>;
  /** What breaks a rule of accessibility in this state. */
  readonly violations: () => Promise<readonly string[]>;
  /** Fails when a rule is broken or the page scrolls sideways, at any size, light or dark. */
  readonly isRightAtEverySize: () => Promise<void>;
};

export async function watchPage(
  browser: Browser,
  url: string,
  path: string,
  waitMs = 60_000,
): Promise<WatchedPage> {
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
  const violations = async (): Promise<readonly string[]> => {
    await page.evaluate(axe);
    const found: unknown = await page.evaluate(
      'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + " " + nodes[0].html))',
    );
    return Array.isArray(found) ? found.map(String) : [String(found)];
  };
  return {
    page,
    troubles,
    violations,
    shows: async (text) => {
      await page.waitForFunction((wanted) => document.body.innerText.includes(wanted), {}, text);
    },
    press: (name) => page.locator(`::-p-aria([role="button"][name="${name}"])`).click(),
    text: (selector) =>
      page.evaluate((wanted) => document.querySelector(wanted)?.textContent ?? '', selector),
    isRightAtEverySize: async () => {
      for (const [width, height] of sizes)
        for (const value of ['light', 'dark']) {
          await page.setViewport({ width, height });
          await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value }]);
          expect([`${width} ${value}`, ...(await violations())]).toEqual([`${width} ${value}`]);
          const wider = await page.evaluate(
            () => document.documentElement.scrollWidth - innerWidth,
          );
          expect(wider, `${width}: the page scrolls sideways`).toBeLessThanOrEqual(0);
        }
    },
  };
}
