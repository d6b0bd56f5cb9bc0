// Bounds how long something may take: by the clock that is handed in, and without leaving a timer
// behind.

import type { Clock } from '#core/ports.ts';

/**
 * Resolves or rejects as `work` does; after `ms` it resolves with what `late` returns instead. The
 * work itself goes on: hand it a `Deadline`'s signal where it can be cancelled.
 */
export async function within<T, L>(
  work: Promise<T>,
  { ms, clock, late }: { readonly ms: number; readonly clock: Clock; readonly late: () => L },
): Promise<T | L> {
  const timer = new AbortController();
  const timeout = Promise.withResolvers<L>();
  void clock.sleep(ms, timer.signal).then(
    () => timeout.resolve(late()),
    () => undefined,
  );
  try {
    return await Promise.race([work, timeout.promise]);
  } finally {
    timer.abort();
  }
}

/**
 * A signal that aborts after `ms` with `reason()` as its reason. Disposing stops the timer:
 *
 *     using deadline = startDeadline({
 *       ms: 5_000,
 *       clock,
 *       reason: () => new Error('no answer in 5 s'),
 *     });
 *     await fetch(url, { signal: deadline.signal });
 */
export function startDeadline({
  ms,
  clock,
  reason,
}: {
  readonly ms: number;
  readonly clock: Clock;
  readonly reason: () => unknown;
}): Deadline {
  const timer = new AbortController();
  const expired = new AbortController();
  void clock.sleep(ms, timer.signal).then(
    () => expired.abort(reason()),
    () => undefined,
  );
  return { signal: expired.signal, [Symbol.dispose]: () => timer.abort() };
}

export type Deadline = Disposable & { readonly signal: AbortSignal };
