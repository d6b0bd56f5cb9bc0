// A wait that never rejects: the caller reads whether the time has passed instead of catching an
// error.

import type { Clock } from '#core/ports.ts';

/** Resolves to `true` after `ms`, to `false` as soon as the signal aborts. Never rejects. */
export function rest(clock: Clock, ms: number, signal?: AbortSignal): Promise<boolean> {
  return clock.sleep(ms, signal).then(
    () => true,
    () => false,
  );
}
