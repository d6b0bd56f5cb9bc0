// Writes what a page reports about itself to the runner's log, each line once.

import type { RunnerPageStatus, PageRunnerState } from '#core/runner/page-status.ts';
import type { Log } from './browser-runner-log.ts';

/**
 * Returns a function to call with every status: it logs the new lines of the history, and each new
 * state.
 */
export function createPageRelay(log: Log): (status: RunnerPageStatus) => void {
  let state: PageRunnerState | null = null;
  let last: RunnerPageStatus['history'][number] | undefined;
  return (status) => {
    const seen =
      last === undefined
        ? -1
        : status.history.findLastIndex(({ at, text }) => at === last?.at && text === last.text);
    for (const entry of status.history.slice(seen + 1)) {
      if (entry.text === status.lastError)
        log.warn({ reason: entry.text }, 'the page reports a problem');
      else log.info({ text: entry.text }, 'page');
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
