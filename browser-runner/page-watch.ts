// Watches a page that embeds: says why it is over, brings its words into the log, and renews it
// before it holds too much memory.

import type { Clock } from '#core/ports.ts';
import type { RunnerPageStatus, PageRunnerState } from '#core/runner/page-status.ts';
import type { Log } from './browser-runner-log.ts';
import type { RunnerPage } from './runner-page.ts';

/** A browser that was started for a GPU. */
export type ExpectedGpu = {
  /** Whether nothing else will do. */
  readonly needed: boolean;
  /** What gives a browser one. */
  readonly hint: string;
};

export type WatchOptions = {
  readonly page: Pick<RunnerPage, 'status' | 'leave' | 'memoryBytes' | 'gone'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Told to leave: the watch goes on until the page has. */
  readonly drain: AbortSignal;
  readonly memoryBytesMax: number;
  readonly gpu: ExpectedGpu | null;
  /** At every look. */
  readonly onLook: (status: RunnerPageStatus | null, memoryBytes: number | null) => void;
};

/**
 * `drained`: by its gateway, or as it was told. `refused`: it was not let in, which another token
 * or address may change. `failed`: another try does not change it.
 */
export type WatchEnd = {
  readonly kind: 'drained' | 'renew' | 'refused' | 'failed' | 'lost';
  readonly message: string;
  /** Whether it had a proved model. */
  readonly ready: boolean;
};

const lookEveryMs = 1_000;
/**
 * A look that got no answer has waited 5 s for it. Counted and not timed, so that a machine that
 * slept has missed one look.
 */
const missedSeconds = 6;
const silentSecondsMax = 60;
const memoryEveryLooks = 15;
/** Longer than any GPU takes to say what it is. */
const startingLooksMax = 30;
/** So much work at least for every load of the model, also where a page needs more than it may have. */
const workingLooksMin = 30;
/** What is in hand takes a job's deadline at most. */
const renewMsMax = 60_000;

const provedStates: ReadonlySet<PageRunnerState> = new Set(['connecting', 'working', 'restarting']);

export async function watchPage({
  page,
  clock,
  log,
  drain,
  memoryBytesMax,
  gpu,
  onLook,
}: WatchOptions): Promise<WatchEnd> {
  /** The page has left, or is gone: one more look, then the end. */
  const over = new AbortController();
  let lost: string | null = null;
  void page.gone.then((reason) => {
    lost = reason;
    over.abort();
  });
  const leave = (): void =>
    void page
      .leave()
      .catch(() => undefined)
      .finally(() => over.abort());
  const relay = createRelay(log);
  let ready = false,
    silentSeconds = 0,
    looks = 0,
    workingLooks = 0,
    startingLooks = 0;
  let memoryBytes: number | null = null;
  const end = (kind: WatchEnd['kind'], message: string): WatchEnd => ({ kind, message, ready });

  drain.addEventListener('abort', leave, { once: true });
  if (drain.aborted) leave();
  try {
    for (;;) {
      if (looks++ % memoryEveryLooks === 0) memoryBytes = await page.memoryBytes();
      const status = await page.status().catch(() => undefined);
      if (status !== undefined) onLook(status, memoryBytes);
      if (status) {
        if (status.state === 'working') workingLooks += 1;
        relay(status);
        if (status.state === 'stopped') return end('drained', 'drained');
        // A page asks for the model once its token is good.
        if (status.state === 'failed' && status.modelId === null)
          return end('refused', status.lastError ?? 'the page was refused');
        if (status.state === 'failed') return end('failed', status.lastError ?? 'the page failed');
        if (gpu?.needed === true && status.softwareAdapter)
          return end(
            'failed',
            `The browser has no GPU but ${status.adapter ?? 'a software adapter'}`,
          );
        // With a driver that cannot work, a browser may never answer the page's question for an
        // adapter.
        startingLooks += status.state === 'starting' && status.lastError === null ? 1 : 0;
        if (gpu !== null && startingLooks > startingLooksMax)
          return end('failed', "The browser's GPU does not answer");
        if (!ready && provedStates.has(status.state)) {
          ready = true;
          if (gpu !== null && (status.adapter === null || status.softwareAdapter))
            log.warn(
              { adapter: status.adapter, hint: gpu.hint },
              'the browser reaches no GPU: embedding with the processor, by WebAssembly',
            );
        }
      }
      if (over.signal.aborted) return lost === null ? end('drained', 'drained') : end('lost', lost);
      // A page whose script does not run answers that it has no status.
      silentSeconds = status ? 0 : silentSeconds + (status === null ? 1 : missedSeconds);
      if (silentSeconds >= silentSecondsMax)
        return end('lost', `the page showed no sign of life for ${silentSecondsMax} s`);
      if (
        memoryBytes !== null &&
        memoryBytes > memoryBytesMax &&
        workingLooks > workingLooksMin &&
        !drain.aborted
      ) {
        await Promise.race([
          page.leave().catch(() => undefined),
          clock.sleep(renewMsMax, over.signal).catch(() => undefined),
        ]);
        return end('renew', `the browser held ${Math.round(memoryBytes / 2 ** 20)} MiB`);
      }
      await clock.sleep(lookEveryMs, over.signal).catch(() => undefined);
    }
  } finally {
    drain.removeEventListener('abort', leave);
  }
}

/** The page's history, line by line as it grows, and each new state. */
function createRelay(log: Log): (status: RunnerPageStatus) => void {
  let state: PageRunnerState | null = null;
  let last: RunnerPageStatus['history'][number] | undefined;
  return (status) => {
    const seen =
      last === undefined
        ? -1
        : status.history.findLastIndex(({ at, text }) => at === last?.at && text === last.text);
    for (const entry of status.history.slice(seen + 1)) {
      if (entry.text === status.lastError)
        log.warn({ reason: entry.text }, 'the page reports trouble');
      else log.info({ told: entry.text }, 'page');
      last = entry;
    }
    if (status.state === state) return;
    state = status.state;
    const { device, dtype, adapter, softwareAdapter, threads, textsPerSecond, runnerId } = status;
    log.info(
      {
        state,
        device,
        dtype,
        adapter,
        software_adapter: softwareAdapter,
        threads,
        texts_per_second: Math.round(textsPerSecond),
        runner_id: runnerId,
      },
      'page state',
    );
  };
}
