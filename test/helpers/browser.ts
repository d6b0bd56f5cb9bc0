// Starts a real Chromium for tests, with WebGPU emulated by the processor or without WebGPU, and
// opens pages in it.

import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import puppeteer, { type Browser, type LaunchOptions, type Page } from 'puppeteer';
import type { RunnerPageStatus, PageRunnerState } from '#core/runner/page-status.ts';
import { until } from './until.ts';

const root = join(import.meta.dirname, '..', '..');

/** WebGPU emulated by the processor: a software adapter, about one text a second. */
export const softwareWebGpu = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
export const noWebGpu = ['--disable-features=WebGPU', '--disable-webgpu'];

/** The configured browser, else the packaged one, unpacked; `null` where there is no package. */
export async function browserExecutable(): Promise<string | null> {
  const given = process.env['PUPPETEER_EXECUTABLE_PATH'];
  if (given !== undefined && given !== '') return given;
  if (process.platform !== 'linux' || process.arch !== 'x64') return null;
  const { default: chromium } = await import('@sparticuz/chromium');
  return chromium.executablePath();
}

/** Without a browser, fails if CI is set, else prints that the tests are skipped. */
export async function needsBrowser(skip: (reason: string) => void): Promise<void> {
  const reason = await browserExecutable().then(
    (path) =>
      path === null
        ? 'no packaged Chromium for this platform: set PUPPETEER_EXECUTABLE_PATH'
        : null,
    (error: unknown) => String(error),
  );
  if (reason === null) return;
  if (process.env['CI']) throw new Error(`The tests in a browser cannot run: ${reason}`);
  process.stderr.write(`SKIPPED, tests in a browser: ${reason}\n`);
  skip(reason);
}

/** Builds the pages when their sources have changed. */
export function buildPages(): void {
  execFileSync(process.execPath, [join(root, 'scripts/build-pages.mjs')], { stdio: 'pipe' });
}

/**
 * Also builds the pages when their sources have changed. The browser ends with this process in any
 * case.
 */
export async function startBrowser(
  flags: readonly string[],
  options: LaunchOptions = {},
): Promise<Browser> {
  const executablePath = await browserExecutable();
  if (executablePath === null) throw new Error('No browser was found.');
  buildPages();
  return puppeteer.launch({
    executablePath,
    pipe: true,
    headless: 'shell',
    args: [
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-component-update',
      ...flags,
    ],
    env: {
      ...process.env,
      // Without a locale, it names a language that Intl refuses.
      LANG: 'en_US.UTF-8',
      LANGUAGE: 'en_US',
      LD_LIBRARY_PATH: [dirname(executablePath), process.env['LD_LIBRARY_PATH']]
        .filter(Boolean)
        .join(':'),
    },
    ...options,
  });
}

/** Closed with `open`; `null` where tests in a browser are skipped. */
export async function openBrowser(
  open: AsyncDisposableStack,
  flags: readonly string[],
  options: LaunchOptions = {},
): Promise<Browser | null> {
  let isMissing = false;
  await needsBrowser(() => {
    isMissing = true;
  });
  if (isMissing) return null;
  const browser = await startBrowser(flags, options);
  open.defer(() => browser.close());
  return browser;
}

/** A lent tab with its status. */
export type RunnerTab = {
  readonly page: Page;
  status(): Promise<RunnerPageStatus>;
  /** Resolves with the status in that state, or at once with the status of a page that failed. */
  reaches(state: PageRunnerState, msMax: number): Promise<RunnerPageStatus>;
  /** All messages that the page has shown. */
  told(): Promise<string>;
  /** Runs in the page's worker. */
  inWorker(work: () => void): Promise<void>;
};

/** `query` such as `device=wasm&dtype=int8`. */
export async function openRunnerTab(
  browser: Browser,
  gateway: { readonly url: string },
  token: string,
  query: string,
): Promise<RunnerTab> {
  const page = await browser.newPage();
  await page.goto(`${gateway.url}/runner?${query}#token=${token}`, { waitUntil: 'load' });
  const status = async (): Promise<RunnerPageStatus> => {
    const told = await page.evaluate(() => window.vectorstream?.status);
    if (told === undefined) throw new Error('The page has no status.');
    return told;
  };
  return {
    page,
    status,
    reaches: (state, msMax) =>
      until(`the page is ${state}`, msMax, async () => {
        const now = await status();
        if (now.state === 'failed' && state !== 'failed')
          return { ...now, name: `FAILED: ${now.lastError}` };
        return now.state === state && now;
      }),
    told: async () => (await status()).history.map(({ text }) => text).join('\n'),
    async inWorker(work) {
      // Skips the runtime's threads, which wait and answer nothing.
      const worker = page
        .workers()
        .findLast((candidate) => candidate.url().includes('embedding-worker'));
      if (worker === undefined) throw new Error('The page has no worker.');
      return await worker.evaluate(work);
    },
  };
}
