// Decides what follows when a worker of a candidate has ended: a restart, the next candidate, or
// the end.

import { RetryDelays, type Backoff } from '#core/time/retry.ts';

export type WorkerEnd = {
  /** `start`: before its vectors passed the golden check. `service`: after. */
  readonly stage: 'start' | 'service';
  readonly ranMs: number;
  /** Whether a restart may help; it does not after wrong vectors or changed files. */
  readonly retryable: boolean;
};

export type NextStep =
  | { readonly kind: 'restart'; readonly delayMs: number }
  | { readonly kind: 'next-candidate' }
  | { readonly kind: 'give-up' };

const backoff: Backoff = { delayMs: 250, delayMsMax: 10_000 };
/** A worker that ran this long had recovered: its end starts a new count. */
const healthyMs = 60_000;
const failuresMax = 3;

/**
 * Counts the consecutive failures of all workers of one candidate.
 *
 * - A candidate whose workers fail to start, three times in a row or not retryably, is given up for
 *   the next candidate. If none is left, the runner gives up.
 * - A failure in service may be the fault of a text, which no other process on the same device
 *   survives better. So these workers are restarted without a limit, at once the first time. Only
 *   when another device is left, three failures in a row move on to the next candidate.
 */
export class RestartPolicy {
  readonly #candidates: { readonly left: boolean; readonly otherDeviceLeft: boolean };
  readonly #starts = new RetryDelays({ backoff, jitter: 'none' });
  /** Counts from the second failure in service on: the first restart is immediate. */
  readonly #services = new RetryDelays({ backoff, jitter: 'none' });
  #serviceFailures = 0;

  /** `left`: other candidates remain; `otherDeviceLeft`: one of them is for another device. */
  constructor(candidates: { readonly left: boolean; readonly otherDeviceLeft: boolean }) {
    this.#candidates = candidates;
  }

  afterEnd({ stage, ranMs, retryable }: WorkerEnd): NextStep {
    const { left, otherDeviceLeft } = this.#candidates;
    if (ranMs >= healthyMs) this.#reset();
    const delayMs = stage === 'start' ? this.#starts.next() : this.#serviceDelayMs();
    const movesOn = this.#serviceFailures >= failuresMax && otherDeviceLeft;
    if (retryable && this.#starts.failures < failuresMax && !movesOn)
      return { kind: 'restart', delayMs };
    this.#reset();
    return { kind: left ? 'next-candidate' : 'give-up' };
  }

  #serviceDelayMs(): number {
    this.#serviceFailures += 1;
    return this.#serviceFailures === 1 ? 0 : this.#services.next();
  }

  #reset(): void {
    this.#starts.reset();
    this.#services.reset();
    this.#serviceFailures = 0;
  }
}
