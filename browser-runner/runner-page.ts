// Opens one runner page in one headless browser, and gives a supervisor what it needs of it: load,
// status, leave, memory, and an end that leaves nothing behind.

import type { Browser, HTTPResponse, Page } from 'puppeteer';
import { VectorStreamError } from '#core/errors/errors.ts';
import type { PageConfig } from '#core/runner/page-config.ts';
import type { RunnerPageStatus } from '#core/runner/page-status.ts';
import { systemClock } from '#core/time/clock.ts';
import { within } from '#core/time/deadline.ts';
import { browserMemoryBytes } from './browser-memory.ts';
import type { Log } from './browser-runner-log.ts';
import { BrowserStartError, startChromium } from './chromium.ts';
import { relayConsole } from './page-console.ts';

/** The gateway does not serve the page at present. */
export class PageLoadError extends VectorStreamError {
  override readonly name = 'PageLoadError';
  readonly code = 'page_load';
  readonly retryable = true;
}

export type RunnerPage = AsyncDisposable & {
  readonly pid: number;
  /** Resolves with the reason when the page has crashed, or its browser has ended. */
  readonly gone: Promise<string>;
  /** Loads the page afresh, with this configuration. @throws PageLoadError in one line. */
  load(address: string, config: PageConfig): Promise<void>;
  /** `null` before the page's script runs. @throws Error when the page does not answer in time. */
  status(): Promise<RunnerPageStatus | null>;
  /** Resolves when the page has left the fleet in order. */
  leave(): Promise<void>;
  /** The memory of the whole browser in bytes; `null` when it is unknown. */
  memoryBytes(): Promise<number | null>;
  kill(): void;
};

const loadMsMax = 30_000;
const answerMsMax = 5_000;

export async function openRunnerPage(
  options: {
    readonly executablePath: string;
    readonly profile: string;
    readonly flags: readonly string[];
    readonly log: Log;
  },
  signal: AbortSignal,
): Promise<RunnerPage> {
  const chromium = await startChromium(options, signal);
  const { browser } = chromium;
  const gone = Promise.withResolvers<string>();
  void chromium.ended.then(gone.resolve);
  const page = await answered(firstPage(browser), loadMsMax).catch(
    async (cause: unknown): Promise<never> => {
      chromium.kill();
      await chromium.ended;
      throw new BrowserStartError(
        `The browser opens no page: ${cause instanceof Error ? cause.message : String(cause)}.`,
        { cause },
      );
    },
  );
  page.on('error', () => {
    gone.resolve('the page crashed');
    // A crashed page never answers, and Puppeteer would wait minutes for it. Without a browser it
    // does not wait.
    chromium.kill();
  });

  let secret = '';
  relayConsole(page, options.log, (text) => (secret === '' ? text : text.replaceAll(secret, '…')));
  let configScript: string | null = null;

  return {
    pid: chromium.pid,
    gone: gone.promise,
    async load(address, config) {
      secret = config.token;
      const open = async (): Promise<HTTPResponse | null> => {
        if (configScript !== null) await page.removeScriptToEvaluateOnNewDocument(configScript);
        configScript = (
          await page.evaluateOnNewDocument((given) => {
            window.vectorstreamPageConfig = given;
          }, config)
        ).identifier;
        return page.goto(address, { timeout: loadMsMax, waitUntil: 'domcontentloaded' });
      };
      const response = await open().catch((cause: unknown): never => {
        throw new PageLoadError(`${address} cannot be opened: ${explain(cause)}.`, { cause });
      });
      assertLoaded(address, response);
    },
    status: () =>
      answered(
        page.evaluate(() => window.vectorstream?.status ?? null),
        answerMsMax,
      ),
    async leave() {
      await page.evaluate(() => window.vectorstream?.stop());
    },
    memoryBytes: () => answered(browserMemoryBytes(browser), answerMsMax).catch(() => null),
    kill: () => chromium.kill(),
    [Symbol.asyncDispose]: () => chromium[Symbol.asyncDispose](),
  };
}

async function firstPage(browser: Browser): Promise<Page> {
  return (await browser.pages())[0] ?? (await browser.newPage());
}

/** @throws PageLoadError */
function assertLoaded(address: string, response: HTTPResponse | null): void {
  const status = response?.status() ?? null;
  // 304: the copy in the browser's cache is still current.
  if (response?.ok() === true || status === 304) return;
  throw new PageLoadError(
    `${address} answers ${status ?? 'nothing'}` +
      `${status === 404 ? ': this gateway has no runner page' : ''}.`,
  );
}

/** Puts Chromium's names for the most frequent failures into plain words. */
function explain(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  const code = /net::(ERR_\w+)/.exec(message)?.[1] ?? message.split('\n')[0] ?? '';
  if (
    code === 'ERR_CONNECTION_REFUSED' ||
    code === 'ERR_CONNECTION_RESET' ||
    code === 'ERR_EMPTY_RESPONSE'
  )
    return `no gateway answers there (${code})`;
  if (code === 'ERR_NAME_NOT_RESOLVED') return `the host name cannot be resolved (${code})`;
  if (code.startsWith('ERR_CERT'))
    return `its certificate is not trusted (${code}); name it in VECTORSTREAM_TLS_CA`;
  return code;
}

/** @throws Error when the work takes longer than `ms`. */
async function answered<T>(work: Promise<T>, ms: number): Promise<T> {
  const late = Symbol('late');
  const answer = await within(work, { ms, clock: systemClock, late: (): typeof late => late });
  if (answer === late) throw new Error(`the page gave no answer within ${ms / 1000} s`);
  return answer;
}
