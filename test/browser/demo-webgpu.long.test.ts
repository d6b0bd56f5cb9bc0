// The demo's comparison in a real Chromium where the processor emulates WebGPU: few texts, right
// vectors, and a sentence that says so.

import { join } from 'node:path';
import type { Browser } from 'puppeteer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { needsBrowser, softwareWebGpu, openBrowser } from '../helpers/browser.ts';
import { startGateway, type RunningGateway } from '../helpers/gateway-program.ts';
import { modelWithFewGoldenTexts } from '../helpers/small-golden.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { openDemo } from './demo-page.ts';

const slowMsMax = 900_000;
const open = new AsyncDisposableStack();
let browser: Browser;
let gateway: RunningGateway;

beforeAll(async () => {
  const started = await openBrowser(open, softwareWebGpu, { protocolTimeout: slowMsMax });
  if (started === null) return;
  browser = started;
  const folder = open.use(await temporaryFolder());
  gateway = open.use(
    await startGateway(join(folder.path, 'data'), {
      VECTORSTREAM_RUNNERS: '0',
      VECTORSTREAM_MODEL: await modelWithFewGoldenTexts(join(folder.path, 'model')),
    }),
  );
});
afterAll(() => open.disposeAsync());

test(
  'an emulated GPU is measured on few texts, agrees with WebAssembly, and is named as such',
  async ({ skip }) => {
    await needsBrowser(skip);
    const demo = await openDemo(browser.defaultBrowserContext(), gateway.url);
    await demo.page.click('section[aria-labelledby=compare-title] button');
    await demo.page.waitForSelector('[data-device=wasm][data-state=done]', { timeout: slowMsMax });
    expect(await demo.text('[data-device=webgpu]')).toMatch(
      /WebGPU fp32, .*swiftshader.*: a GPU emulated by the processor.*texts\/s/i,
    );
    const verdict = await demo.text('.verdict');
    expect(verdict).toContain('WebAssembly is');
    expect(verdict).toContain('only 4 texts were measured');
    expect(Number(/agree to ([\d.]+)/.exec(verdict)?.[1])).toBeGreaterThan(0.98);
    // The list itself is still embedded with WebAssembly.
    await demo.embed();
    expect(await demo.text('.facts')).toContain('WebAssembly');
    expect(demo.troubles).toEqual([]);
  },
  slowMsMax,
);
