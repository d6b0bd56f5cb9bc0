// Asks a dependency that may be slow or down, once for all who wait, and answers within a time
// limit: with the last known value if there is no new one.

import type { Clock } from '#core/ports.ts';
import { within } from '#core/time/deadline.ts';

/**
 * `trouble` says why `value` is not current; it is `null` when it is. `value` is `null` until the
 * first answer.
 */
export type Known<T> = {
  readonly value: T | null;
  /** UTC ms of `value`. */
  readonly at: number;
  readonly latencyMs: number;
  readonly trouble: string | null;
};

export type LastKnownOptions<T> = {
  /** The dependency, as `trouble` names it. */
  readonly what: string;
  readonly ask: () => Promise<T>;
  readonly msMax: number;
  readonly clock: Clock;
};

export function lastKnown<T>({
  what,
  ask,
  msMax,
  clock,
}: LastKnownOptions<T>): () => Promise<Known<T>> {
  let last: Known<T> = {
    value: null,
    at: 0,
    latencyMs: 0,
    trouble: `${what} has not answered yet`,
  };
  let inFlight: Promise<Known<T>> | null = null;
  const askOnce = async (): Promise<Known<T>> => {
    const startedAt = clock.monotonic();
    const latencyMs = (): number => Math.round((clock.monotonic() - startedAt) * 100) / 100;
    try {
      const value = await ask();
      last = { value, at: clock.now(), latencyMs: latencyMs(), trouble: null };
    } catch (error) {
      const trouble = error instanceof Error ? error.message : String(error);
      last = { ...last, latencyMs: latencyMs(), trouble };
    } finally {
      inFlight = null;
    }
    return last;
  };
  const late = (): Known<T> => ({
    ...last,
    latencyMs: msMax,
    trouble: `${what} gave no answer within ${msMax} ms`,
  });
  return () => within((inFlight ??= askOnce()), { ms: msMax, clock, late });
}
