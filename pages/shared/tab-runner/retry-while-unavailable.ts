// Retries work that failed because the gateway or the network was unavailable, with growing delays.

import { VectorStreamError } from '#core/errors/errors.ts';
import { systemClock } from '#core/time/clock.ts';
import { RetryDelays } from '#core/time/retry.ts';
import { withoutStop } from '../format.ts';

const backoff = { delayMs: 500, delayMsMax: 15_000 };

/**
 * Resolves with the first success. Rejects with an error that `isUnavailable` denies, and with the
 * signal's reason. Before each wait, `onTrouble` gets a sentence on what failed and when it is
 * tried again.
 */
export async function retryWhileUnavailable<T>(
  work: () => Promise<T>,
  {
    signal,
    isUnavailable,
    onTrouble,
  }: {
    /** Absent: only a success, or an error, ends it. */
    readonly signal?: AbortSignal;
    readonly isUnavailable: (error: unknown) => error is VectorStreamError;
    readonly onTrouble: (text: string) => void;
  },
): Promise<T> {
  const delays = new RetryDelays({ backoff, jitter: 'none' });
  for (;;) {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      if (!isUnavailable(error)) throw error;
      const delayMs = delays.next();
      onTrouble(`${withoutStop(error.message)}; trying again in ${Math.ceil(delayMs / 1000)} s.`);
      await systemClock.sleep(delayMs, signal);
    }
  }
}

export const isRetryable = (error: unknown): error is VectorStreamError =>
  error instanceof VectorStreamError && error.retryable;
