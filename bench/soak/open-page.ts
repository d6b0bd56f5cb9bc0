// Keeps a page of a gateway open in a headless browser, as a person would, and tells what it holds.

import { dirname } from 'node:path';
import puppeteer from 'puppeteer';
import { z } from 'zod';

export type OpenPage = AsyncDisposable & {
  /** Script, elements and buffers, after a collection of garbage. */
  memoryBytes(): Promise<number>;
};

const usage = z.object({
  usedSize: z.number(),
  embedderHeapUsedSize: z.number(),
  backingStorageSize: z.number(),
});

/** @param executablePath of the browser; `null`: Puppeteer's own */
export async function openPage(url: string, executablePath: string | null): Promise<OpenPage> {
  const browser = await puppeteer.launch({
    ...(executablePath !== null && { executablePath }),
    pipe: true,
    headless: 'shell',
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
    env: {
      ...process.env,
      // Without a locale, it names a language that Intl refuses.
      LANG: 'en_US.UTF-8',
      LANGUAGE: 'en_US',
      LD_LIBRARY_PATH: dirname(executablePath ?? ''),
    },
  });
  const page = await browser.newPage();
  await page.goto(url, { waitUntil: 'load' });
  const devTools = await page.createCDPSession();
  return {
    async memoryBytes() {
      await devTools.send('HeapProfiler.collectGarbage');
      const used = usage.parse(await devTools.send('Runtime.getHeapUsage'));
      return used.usedSize + used.embedderHeapUsedSize + used.backingStorageSize;
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}
