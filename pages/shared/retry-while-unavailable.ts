// Tries again, more and more rarely, what failed because of the gateway or of the way to it.

import { VectorStreamError } from '#core/errors/errors.ts';
import { systemClock } from '#core/time/clock.ts';
import { backoffMs } from '#core/time/retry.ts';
import { withoutStop } from './format.ts';

const patience = { delayMs: 500, delayMsMax: 15_000 };

/**
 * Rejects with what cannot pass, and with the signal's reason. `onTrouble` is told what failed, and
 * when it is tried again.
 */
export async function patiently<T>(
  work: () => Promise<T>,
  {
    signal,
    mayPass,
    onTrouble,
  }: {
    readonly signal: AbortSignal;
    readonly mayPass: (error: unknown) => error is VectorStreamError;
    readonly onTrouble: (text: string) => void;
  },
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!mayPass(error)) throw error;
      const delayMs = backoffMs(patience, failures);
      onTrouble(`${withoutStop(error.message)}; trying again in ${Math.ceil(delayMs / 1000)} s.`);
      await systemClock.sleep(delayMs, signal);
    }
  }
}

export const isRetryable = (error: unknown): error is VectorStreamError =>
  error instanceof VectorStreamError && error.retryable;
