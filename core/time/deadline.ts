// Bounds how long something may take, and leaves no timer behind.

import type { Clock } from '#core/ports.ts';

/**
 * Settles as `work` does. After `ms` it resolves with the result of `late` instead. The work itself
 * goes on: to cancel it, pass it the signal of a `Deadline`.
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

/** Settles as `work` does, but rejects with the signal's reason as soon as that aborts. */
export async function unlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  signal?.throwIfAborted();
  if (signal === undefined) return work;
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
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
