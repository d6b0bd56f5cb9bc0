// Watches the tab around a runner: whether it is visible, whether it has a network, and how much
// memory it uses.

import { systemClock } from '#core/time/clock.ts';
import { rest } from '#core/time/rest.ts';
import type { StatusBoard } from './status-board.ts';

const memoryEveryMs = 30_000;

/** Writes what happens to the board, until the signal aborts. */
export function watchTab(board: StatusBoard, signal: AbortSignal): void {
  document.addEventListener(
    'visibilitychange',
    () =>
      board.say(
        document.hidden
          ? 'The tab is in the background: the browser may slow it down or put it to sleep. ' +
              'Keep it visible for full speed.'
          : 'The tab is visible again.',
      ),
    { signal },
  );
  addEventListener(
    'offline',
    () => board.trouble('The network is gone. Unfinished texts of this tab go to another runner.'),
    { signal },
  );
  addEventListener('online', () => board.say('The network is back.'), { signal });
  void watchMemory(board, signal);
}

async function watchMemory(board: StatusBoard, signal: AbortSignal): Promise<void> {
  if (
    !crossOriginIsolated ||
    !('measureUserAgentSpecificMemory' in performance) ||
    typeof performance.measureUserAgentSpecificMemory !== 'function'
  )
    return;
  while (await rest(systemClock, memoryEveryMs, signal)) {
    const measured: unknown = await performance.measureUserAgentSpecificMemory().catch(() => null);
    if (
      typeof measured === 'object' &&
      measured !== null &&
      'bytes' in measured &&
      typeof measured.bytes === 'number'
    )
      board.change({ memoryBytes: measured.bytes });
  }
}
