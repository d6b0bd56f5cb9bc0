// Asks what may be slow or down, once for all who want to know, and answers within a bound: with
// what was known last, if need be.

import { setTimeout as sleep } from 'node:timers/promises';

/**
 * `trouble`: why `value` is not of this moment; `null` when it is. `value` is `null` as long as
 * there was no answer at all.
 */
export type Known<T> = {
  readonly value: T | null;
  /** UTC ms of `value`. */ readonly at: number;
  readonly latencyMs: number;
  readonly trouble: string | null;
};

export type LastKnownOptions<T> = {
  readonly what: string;
  readonly ask: () => Promise<T>;
  readonly msMax: number;
  readonly now: () => number;
};

export function lastKnown<T>({
  what,
  ask,
  msMax,
  now,
}: LastKnownOptions<T>): () => Promise<Known<T>> {
  let last: Known<T> = {
    value: null,
    at: 0,
    latencyMs: 0,
    trouble: `${what} has not answered yet`,
  };
  let flight: Promise<void> | null = null;
  const fly = async (): Promise<void> => {
    const startedAt = performance.now();
    const latencyMs = (): number => Math.round((performance.now() - startedAt) * 100) / 100;
    try {
      const value = await ask();
      last = { value, at: now(), latencyMs: latencyMs(), trouble: null };
    } catch (error) {
      last = {
        ...last,
        latencyMs: latencyMs(),
        trouble: error instanceof Error ? error.message : String(error),
      };
    } finally {
      flight = null;
    }
  };
  return async () => {
    flight ??= fly();
    const patience = new AbortController();
    const late = sleep(msMax, true, { signal: patience.signal, ref: false }).catch(() => false);
    const isLate = await Promise.race([flight.then(() => false), late]);
    patience.abort();
    return isLate
      ? { ...last, latencyMs: msMax, trouble: `${what} gave no answer within ${msMax} ms` }
      : last;
  };
}
