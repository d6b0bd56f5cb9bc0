// Repeats an operation that may succeed later, with waits that grow and are spread at random.

import type { Clock } from '#core/ports.ts';

export type Backoff = {
  /** The longest wait after the first failure, ms. */
  readonly delayMs: number;
  /** The longest wait, ms. */
  readonly delayMsMax: number;
};

export type RetryPolicy = Backoff & {
  /** How often the operation is tried; `Infinity` means until it succeeds or the signal aborts. */
  readonly attemptsMax: number;
};

export type RetryOptions = {
  readonly policy: RetryPolicy;
  readonly clock: Clock;
  /** Uniform in [0, 1), such as `Math.random`. Absent: every wait is the whole backoff. */
  readonly random?: () => number;
  readonly signal: AbortSignal;
  readonly retryable: (error: unknown) => boolean;
  /** The shortest wait that the failed side asks for (`Retry-After`), ms. */
  readonly waitMsMin?: (error: unknown) => number;
  /** Monotonic ms: a wait that would end later is not begun. No limit when absent. */
  readonly giveUpAt?: number;
  /** Called before each wait. `attempt` is the one that failed, from 1. */
  readonly onRetry?: (error: unknown, attempt: number, delayMs: number) => void;
};

/** Repeats until the operation succeeds. `backoff` is read at every failure. */
export const withoutEnd = (backoff: Backoff): RetryPolicy => ({
  get delayMs() {
    return backoff.delayMs;
  },
  get delayMsMax() {
    return backoff.delayMsMax;
  },
  attemptsMax: Infinity,
});

/** Doubles with every failure (from 1), up to `delayMsMax`: 100 → 100, 200, 400, … */
export function backoffMs(backoff: Backoff, failures: number): number {
  return Math.min(backoff.delayMsMax, backoff.delayMs * 2 ** (failures - 1));
}

export type RetryDelaysOptions = {
  /** Read at every failure, because settings may change. */
  readonly backoff: Backoff;
} & Jitter;

/** How a delay is spread at random, so that clients of one dependency do not retry together. */
export type Jitter =
  /** `none`: the backoff itself. */
  | { readonly jitter: 'none' }
  /**
   * `full`: uniform from 0 to the backoff. `equal`: uniform from half of the backoff to the whole,
   * so never at once. `random` is uniform in [0, 1), such as `Math.random`.
   */
  | { readonly jitter: 'full' | 'equal'; readonly random: () => number };

/** The delays between attempts at one operation. Every retry loop takes its waits from here. */
export class RetryDelays {
  readonly #options: RetryDelaysOptions;
  #failures = 0;

  constructor(options: RetryDelaysOptions) {
    this.#options = options;
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** Counts one more failure, and returns how long to wait before the next attempt, in ms. */
  next(): number {
    const options = this.#options;
    this.#failures += 1;
    const ms = backoffMs(options.backoff, this.#failures);
    if (options.jitter === 'none') return ms;
    const part = options.random();
    return options.jitter === 'full' ? part * ms : (0.5 + part / 2) * ms;
  }

  /** The operation succeeded, so the next failure is the first again. */
  reset(): void {
    this.#failures = 0;
  }
}

/**
 * Resolves with the first success. Rejects with the operation's error when it is not retryable, or
 * the attempts or the time are used up. Rejects with the signal's reason once that aborts between
 * attempts; the operation itself watches the signal if it can. The wait is uniform between 0 and
 * the backoff ("full jitter"), after what `waitMsMin` asks for, so that many clients of one
 * dependency do not return at once.
 */
export async function retry<T>(operation: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { policy, clock, random, signal, retryable, waitMsMin, onRetry } = options;
  const { giveUpAt = Infinity } = options;
  let delays: RetryDelays | null = null;
  for (;;) {
    signal.throwIfAborted();
    try {
      return await operation();
    } catch (error) {
      delays ??= new RetryDelays({
        backoff: policy,
        ...(random === undefined ? { jitter: 'none' } : { jitter: 'full', random }),
      });
      const attempt = delays.failures + 1;
      if (signal.aborted || attempt >= policy.attemptsMax || !retryable(error)) throw error;
      const delayMs = (waitMsMin?.(error) ?? 0) + delays.next();
      if (clock.monotonic() + delayMs > giveUpAt) throw error;
      onRetry?.(error, attempt, delayMs);
      await clock.sleep(delayMs, signal);
    }
  }
}
