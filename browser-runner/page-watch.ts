// Watches a runner page until its end, and asks it to leave when it is drained or holds too much
// memory.

import type { Clock } from '#core/ports.ts';
import type { RunnerPageStatus } from '#core/runner/page-status.ts';
import { rest } from '#core/time/rest.ts';
import type { Log } from './browser-runner-log.ts';
import {
  lookEveryMs,
  PageHealth,
  type ExpectedGpu,
  type PageAnswer,
  type WatchEnd,
} from './page-health.ts';
import { createPageRelay } from './page-relay.ts';
import type { RunnerPage } from './runner-page.ts';

export type WatchOptions = {
  readonly page: Pick<RunnerPage, 'status' | 'leave' | 'memoryBytes' | 'gone'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Asks the page to leave; the watch goes on until it has. */
  readonly drain: AbortSignal;
  /** The most memory that the whole browser may use. */
  readonly memoryBytesMax: number;
  /** What the browser was started for; `null` without a GPU. */
  readonly gpu: ExpectedGpu | null;
  /** Called at every look that got an answer. */
  readonly onStatus: (status: RunnerPageStatus | null, memoryBytes: number | null) => void;
};

const memoryEveryLooks = 15;
/** The longest wait for a page that leaves: a job's deadline bounds its unfinished work. */
const renewMsMax = 60_000;

export async function watchPage(options: WatchOptions): Promise<WatchEnd> {
  const { page, clock, log, drain, memoryBytesMax, gpu, onStatus } = options;
  /** The page has left, or is gone: one more look, then the end. */
  const over = new AbortController();
  let lost: string | null = null;
  void page.gone.then((reason) => {
    lost = reason;
    over.abort();
  });
  const leave = (): Promise<void> => page.leave().catch(() => undefined);
  const onDrain = (): void => void leave().finally(() => over.abort());
  const relay = createPageRelay(log);
  const health = new PageHealth(gpu);

  drain.addEventListener('abort', onDrain, { once: true });
  if (drain.aborted) onDrain();
  try {
    let memoryBytes: number | null = null;
    for (let look = 0; ; look++) {
      if (look % memoryEveryLooks === 0) memoryBytes = await page.memoryBytes();
      const answer: PageAnswer = await page.status().catch(() => undefined);
      if (answer !== undefined) onStatus(answer, memoryBytes);
      if (answer) {
        relay(answer);
        const wasReady = health.isReady;
        const end = health.judge(answer);
        if (end !== null) return end;
        if (health.isReady && !wasReady) warnWithoutGpu(answer, gpu, log);
      }
      if (over.signal.aborted)
        return lost === null ? health.end('drained', 'drained') : health.end('lost', lost);
      const silence = health.judgeSilence(answer);
      if (silence !== null) return silence;
      if (
        memoryBytes !== null &&
        memoryBytes > memoryBytesMax &&
        health.mayBeRenewed &&
        !drain.aborted
      ) {
        await Promise.race([leave(), rest(clock, renewMsMax, over.signal)]);
        return health.end('renew', `the browser held ${Math.round(memoryBytes / 2 ** 20)} MiB`);
      }
      await rest(clock, lookEveryMs, over.signal);
    }
  } finally {
    drain.removeEventListener('abort', onDrain);
  }
}

/** When a browser was started for a GPU, and its page embeds without one. */
function warnWithoutGpu(
  { adapter, softwareAdapter }: RunnerPageStatus,
  gpu: ExpectedGpu | null,
  log: Log,
): void {
  if (gpu !== null && (adapter === null || softwareAdapter))
    log.warn(
      { adapter, hint: gpu.hint },
      'the browser cannot use the GPU: embedding on the processor with WebAssembly',
    );
}
