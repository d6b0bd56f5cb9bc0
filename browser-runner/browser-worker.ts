// Runs one runner page from the start of its browser to its end, and reports that end to the
// supervisor in one form.

import { rm } from 'node:fs/promises';
import type { Clock } from '#core/ports.ts';
import type { PageConfig } from '#core/runner/page-config.ts';
import type { Worker, WorkerEnding } from '#core/runner/supervisor.ts';
import { rest } from '#core/time/rest.ts';
import { RetryDelays } from '#core/time/retry.ts';
import type { Log } from './browser-runner-log.ts';
import type { ExpectedGpu, WatchEnd } from './page-health.ts';
import { watchPage } from './page-watch.ts';
import { PageLoadError, type RunnerPage } from './runner-page.ts';
import type { StatusFile } from './status-file.ts';

export type BrowserWorkerOptions = {
  /** Starts the browser; the signal cancels that. */
  readonly open: (signal: AbortSignal) => Promise<RunnerPage>;
  /** The address of the gateway's runner page. */
  readonly address: string;
  /** Called for every attempt. Resolves with the config, or with a sentence on what is missing. */
  readonly config: () => Promise<PageConfig | string>;
  /** The browser's folder, emptied when the page never gets ready: its content may be the cause. */
  readonly profile: string;
  readonly memoryBytesMax: number;
  readonly gpu: ExpectedGpu | null;
  readonly statusFile: StatusFile;
  readonly clock: Clock;
  readonly log: Log;
};

/** How long to wait after a refusal: the token may be replaced meanwhile. */
const refusedRetryMs = 10_000;
/** The same as a Node runner's while it waits for its gateway. */
const loadBackoff = { delayMs: 250, delayMsMax: 10_000 };

export function startBrowserWorker(options: BrowserWorkerOptions): Worker {
  const drain = new AbortController();
  let page: RunnerPage | null = null;
  const run = async (): Promise<WorkerEnding> => {
    const live = async (): Promise<WorkerEnding> => {
      await using opened = await options.open(drain.signal);
      page = opened;
      return await serve(opened, options, drain.signal);
    };
    const ended = await live().catch((error: unknown): WorkerEnding => {
      const message = error instanceof Error ? error.message : String(error);
      return { done: drain.signal.aborted, renew: false, ready: false, retryable: true, message };
    });
    options.statusFile.write(null, null);
    if (ended.ready || ended.done) return ended;
    await rm(options.profile, {
      recursive: true,
      force: true,
      maxRetries: 5,
      retryDelay: 100,
    }).catch(() => undefined);
    return options.gpu?.needed === true
      ? { ...ended, message: `${ended.message.replace(/\.$/, '')}: ${options.gpu.hint}` }
      : ended;
  };
  return {
    ended: run(),
    drain: () => drain.abort(),
    kill: () => page?.kill(),
  };
}

/** Keeps the page in the fleet, and loads it again after every refusal. */
async function serve(
  page: RunnerPage,
  options: BrowserWorkerOptions,
  drain: AbortSignal,
): Promise<WorkerEnding> {
  for (let lastRefusal = ''; ;) {
    if (!(await load(page, options, drain)))
      return endingOf({ kind: 'drained', message: 'drained', ready: false });
    const end = await watchPage({
      ...options,
      page,
      drain,
      onStatus: (status, memoryBytes) => options.statusFile.write(status, memoryBytes),
    });
    if (end.kind !== 'refused') return endingOf(end);
    if (end.message !== lastRefusal)
      options.log.warn({ reason: end.message }, 'refused by the gateway; trying again every 10 s');
    lastRefusal = end.message;
    await rest(options.clock, refusedRetryMs, drain);
  }
}

function endingOf({ kind, message, ready }: WatchEnd): WorkerEnding {
  return {
    done: kind === 'drained',
    renew: kind === 'renew',
    ready,
    retryable: kind !== 'failed',
    message,
  };
}

/**
 * Tries until the gateway serves the page, and logs every new reason once. Resolves to `false` when
 * drained meanwhile. Rejects when the browser ended.
 */
async function load(
  page: RunnerPage,
  { address, config, clock, log, statusFile }: BrowserWorkerOptions,
  drain: AbortSignal,
): Promise<boolean> {
  let lastReason = '';
  let lost: string | null = null;
  const gone = new AbortController();
  void page.gone.then((reason) => {
    lost = reason;
    gone.abort();
  });
  const wake = AbortSignal.any([gone.signal, drain]);
  const delays = new RetryDelays({ backoff: loadBackoff, jitter: 'none' });
  while (!drain.aborted) {
    const reason = await attempt(page, address, await config());
    if (lost !== null) throw new Error(lost);
    if (reason === null) return true;
    if (reason !== lastReason) log.warn({ reason }, 'no page from the gateway yet; trying again');
    lastReason = reason;
    statusFile.write(null, null);
    await rest(clock, delays.next(), wake);
  }
  return false;
}

/** `null` once the page is loaded, else why it is not. */
async function attempt(
  page: RunnerPage,
  address: string,
  config: PageConfig | string,
): Promise<string | null> {
  if (typeof config === 'string') return config;
  try {
    await page.load(address, config);
    return null;
  } catch (error) {
    if (error instanceof PageLoadError) return error.message;
    throw error;
  }
}
