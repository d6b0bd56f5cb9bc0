// One runner page in one headless browser, as a supervisor needs it: opened, asked how it is, told
// to leave, and never heard of again.

import type { Browser, HTTPResponse, Page } from 'puppeteer';
import { VectorStreamError } from '#core/errors/errors.ts';
import type { PageConfig } from '#core/runner/page-config.ts';
import type { RunnerPageStatus } from '#core/runner/page-status.ts';
import { browserMemoryBytes } from './browser-memory.ts';
import type { Log } from './browser-runner-log.ts';
import { BrowserStartError, startChromium } from './chromium.ts';
import { relayConsole } from './page-console.ts';

/** The gateway does not serve the page, now. */
export class PageLoadError extends VectorStreamError {
  override readonly name = 'PageLoadError';
  readonly code = 'page_load';
  readonly retryable = true;
}

export type RunnerPage = AsyncDisposable & {
  readonly pid: number;
  /** Resolves with the reason when the page crashed, or its browser ended. */
  readonly gone: Promise<string>;
  /** Loads the page anew, with these orders. @throws PageLoadError in one line. */
  load(address: string, orders: PageConfig): Promise<void>;
  /** `null` before the page's script runs. @throws when it does not answer in time. */
  status(): Promise<RunnerPageStatus | null>;
  /** Resolves when the page has left the fleet in order. */
  leave(): Promise<void>;
  /** Of the whole browser, bytes; `null` where it cannot be told. */
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
  const watched = await within(loadMsMax, firstPage(browser)).catch(
    async (cause: unknown): Promise<never> => {
      chromium.kill();
      await chromium.ended;
      throw new BrowserStartError(
        `The browser opens no page: ${cause instanceof Error ? cause.message : String(cause)}.`,
        { cause },
      );
    },
  );
  watched.on('error', () => {
    gone.resolve('the page crashed');
    // It answers nothing any more, and whoever waits for it would wait for minutes; without a
    // browser nobody does.
    chromium.kill();
  });

  let secret = '';
  relayConsole(watched, options.log, (text) =>
    secret === '' ? text : text.replaceAll(secret, '…'),
  );
  let handedOver: string | null = null;

  return {
    pid: chromium.pid,
    gone: gone.promise,
    async load(address, orders) {
      secret = orders.token;
      const open = async (): Promise<HTTPResponse | null> => {
        if (handedOver !== null) await watched.removeScriptToEvaluateOnNewDocument(handedOver);
        handedOver = (
          await watched.evaluateOnNewDocument((given) => {
            window.vectorstreamPageConfig = given;
          }, orders)
        ).identifier;
        return watched.goto(address, { timeout: loadMsMax, waitUntil: 'domcontentloaded' });
      };
      const response = await open().catch((cause: unknown): never => {
        throw new PageLoadError(`${address} cannot be opened: ${explain(cause)}.`, { cause });
      });
      // 304: what the browser has kept is still right.
      if (response?.ok() !== true && response?.status() !== 304)
        throw new PageLoadError(
          `${address} answers ${response?.status() ?? 'nothing'}${response?.status() === 404 ? ': this gateway has no runner page' : ''}.`,
        );
    },
    status: () =>
      within(
        answerMsMax,
        watched.evaluate(() => window.vectorstream?.status ?? null),
      ),
    async leave() {
      await watched.evaluate(() => window.vectorstream?.stop());
    },
    memoryBytes: () => within(answerMsMax, browserMemoryBytes(browser)).catch(() => null),
    kill: () => chromium.kill(),
    [Symbol.asyncDispose]: () => chromium[Symbol.asyncDispose](),
  };
}

async function firstPage(browser: Browser): Promise<Page> {
  return (await browser.pages())[0] ?? (await browser.newPage());
}

/** Chromium's names of what most often stands in the way, in plain words. */
function explain(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  const code = /net::(ERR_\w+)/.exec(message)?.[1] ?? message.split('\n')[0] ?? '';
  if (
    code === 'ERR_CONNECTION_REFUSED' ||
    code === 'ERR_CONNECTION_RESET' ||
    code === 'ERR_EMPTY_RESPONSE'
  )
    return `no gateway answers there (${code})`;
  if (code === 'ERR_NAME_NOT_RESOLVED') return `the name cannot be looked up (${code})`;
  if (code.startsWith('ERR_CERT'))
    return `its certificate is not trusted (${code}); name it in VECTORSTREAM_TLS_CA`;
  return code;
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`the page gave no answer within ${ms / 1000} s`)),
    ms,
  );
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}
