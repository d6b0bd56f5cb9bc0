// Repeats an operation that may succeed later, with waits that grow and are spread at random, until
// it is told to stop.

import type { Clock } from '#core/ports.ts';

export type Backoff = {
  /** The longest wait after the first failure. */
  readonly delayMs: number;
  /** No wait is longer than this. */
  readonly delayMsMax: number;
};

export type RetryPolicy = Backoff & {
  /** How often the operation is tried in all; `Infinity` until it succeeds or the signal aborts. */
  readonly attemptsMax: number;
};

export type RetryOptions = {
  readonly policy: RetryPolicy;
  readonly clock: Clock;
  /** Uniform in [0, 1), such as `Math.random`. */
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly retryable: (error: unknown) => boolean;
  /** The least wait, where who failed has said so (`Retry-After`). None when absent. */
  readonly waitMsMin?: (error: unknown) => number;
  /** Before each wait. `attempt` is the one that failed, from 1. */
  readonly onRetry?: (error: unknown, attempt: number, delayMs: number) => void;
};

/** Doubles from `delayMs` with every failure (from 1), up to `delayMsMax`: 100 → 100, 200, 400, … */
export function backoffMs(backoff: Backoff, failures: number): number {
  return Math.min(backoff.delayMsMax, backoff.delayMs * 2 ** (failures - 1));
}

/**
 * Resolves with the first success. Rejects with the operation's error when it is not retryable or
 * the attempts are used up, and with the signal's reason once that aborts between attempts; the
 * operation itself watches the signal if it can. The wait is uniform between 0 and the backoff
 * ("full jitter"), after what `waitMsMin` asks for, so that many clients of one dependency do not
 * return at once.
 */
export async function retry<T>(operation: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { policy, clock, random, signal, retryable, waitMsMin, onRetry } = options;
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await operation();
    } catch (error) {
      if (signal.aborted || attempt >= policy.attemptsMax || !retryable(error)) throw error;
      const delayMs = (waitMsMin?.(error) ?? 0) + random() * backoffMs(policy, attempt);
      onRetry?.(error, attempt, delayMs);
      await clock.sleep(delayMs, signal);
    }
  }
}
