// Runs one runner page from the browser's start to its end, and turns what becomes of it into one
// ending for the supervisor.

import { rm } from 'node:fs/promises';
import type { Clock } from '#core/ports.ts';
import type { PageConfig } from '#core/runner/page-config.ts';
import type { Worker, WorkerEnding } from '#core/runner/supervisor.ts';
import { backoffMs } from '#core/time/retry.ts';
import type { Log } from './browser-runner-log.ts';
import { watchPage, type ExpectedGpu, type WatchEnd } from './page-watch.ts';
import { PageLoadError, type RunnerPage } from './runner-page.ts';
import type { StatusFile } from './status-file.ts';

export type BrowserWorkerOptions = {
  /** Starts the browser; the signal gives that up. */
  readonly open: (signal: AbortSignal) => Promise<RunnerPage>;
  /** Of the gateway's runner page. */
  readonly address: string;
  /** Asked anew for every attempt; a string in place of orders says what is missing. */
  readonly orders: () => Promise<PageConfig | string>;
  /** The browser's own folder, emptied when it does not come to embedding: what it holds may be why. */
  readonly profile: string;
  readonly memoryBytesMax: number;
  readonly gpu: ExpectedGpu | null;
  readonly statusFile: StatusFile;
  readonly clock: Clock;
  readonly log: Log;
};

/** A token is read anew, a gateway may be started anew: as a Node runner asks again. */
const refusedAgainMs = 10_000;
/** As a Node runner waits for its gateway. */
const loadBackoff = { delayMs: 250, delayMsMax: 10_000 };

export function startBrowserWorker(options: BrowserWorkerOptions): Worker {
  const drain = new AbortController();
  let page: RunnerPage | null = null;

  const live = async (): Promise<WorkerEnding> => {
    await using opened = await options.open(drain.signal);
    page = opened;
    for (let said = ''; ;) {
      if (!(await load(opened, options, drain.signal)))
        return ending({ kind: 'drained', message: 'drained', ready: false });
      const end = await watchPage({
        ...options,
        page: opened,
        drain: drain.signal,
        onLook: (status, memoryBytes) => options.statusFile.tell(status, memoryBytes),
      });
      if (end.kind !== 'refused') return ending(end);
      if (end.message !== said)
        options.log.warn(
          { reason: end.message },
          'refused by the gateway; trying again every 10 s',
        );
      said = end.message;
      await options.clock.sleep(refusedAgainMs, drain.signal).catch(() => undefined);
    }
  };
  const run = async (): Promise<WorkerEnding> => {
    const ended = await live().catch((error: unknown): WorkerEnding => {
      const message = error instanceof Error ? error.message : String(error);
      return { done: drain.signal.aborted, renew: false, ready: false, retryable: true, message };
    });
    options.statusFile.tell(null, null);
    if (!ended.ready && !ended.done)
      await rm(options.profile, {
        recursive: true,
        force: true,
        maxRetries: 5,
        retryDelay: 100,
      }).catch(() => undefined);
    return options.gpu?.needed === true && !ended.ready && !ended.done
      ? { ...ended, message: `${ended.message.replace(/\.$/, '')}: ${options.gpu.hint}` }
      : ended;
  };

  return {
    ended: run(),
    drain: () => drain.abort(),
    kill: () => page?.kill(),
  };
}

function ending({ kind, message, ready }: WatchEnd): WorkerEnding {
  return {
    done: kind === 'drained',
    renew: kind === 'renew',
    ready,
    retryable: kind !== 'failed',
    message,
  };
}

/**
 * Until the gateway serves the page; says so once for every new reason. False when told to leave
 * meanwhile. Throws when the browser ended.
 */
async function load(
  page: RunnerPage,
  { address, orders, clock, log, statusFile }: BrowserWorkerOptions,
  drain: AbortSignal,
): Promise<boolean> {
  let said = '';
  let lost: string | null = null;
  const over = new AbortController();
  void page.gone.then((reason) => {
    lost = reason;
    over.abort();
  });
  const wake = AbortSignal.any([over.signal, drain]);
  for (let failures = 1; !drain.aborted; failures++) {
    const reason = await attempt(page, address, await orders());
    if (lost !== null) throw new Error(lost);
    if (reason === null) return true;
    if (reason !== said) log.warn({ reason }, 'no page from the gateway yet; trying again');
    said = reason;
    statusFile.tell(null, null);
    await clock.sleep(backoffMs(loadBackoff, failures), wake).catch(() => undefined);
  }
  return false;
}

/** `null` when the page is there. */
async function attempt(
  page: RunnerPage,
  address: string,
  orders: PageConfig | string,
): Promise<string | null> {
  if (typeof orders === 'string') return orders;
  try {
    await page.load(address, orders);
    return null;
  } catch (error) {
    if (error instanceof PageLoadError) return error.message;
    throw error;
  }
}
