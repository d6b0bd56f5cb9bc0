// Decides what follows when a worker has ended: the same again after a while, the next candidate,
// or the end.

import { backoffMs, type Backoff } from '#core/time/retry.ts';

export type WorkerEnd = {
  /** `start`: before it had proved its vectors. `service`: after. */
  readonly stage: 'start' | 'service';
  readonly ranMs: number;
  /** Whether the same may work next time; wrong vectors and changed files stay as they are. */
  readonly retryable: boolean;
};

export type NextStep =
  | { readonly kind: 'restart'; readonly delayMs: number }
  | { readonly kind: 'next-candidate' }
  | { readonly kind: 'give-up' };

/** Consecutive failures of all workers of one candidate. */
export type Failures = { readonly start: number; readonly service: number };

export const noFailures: Failures = { start: 0, service: 0 };

const backoff: Backoff = { delayMs: 250, delayMsMax: 10_000 };
/** A worker that ran so long had recovered: its end begins a new count. */
const healthyMs = 60_000;
const failuresMax = 3;

/**
 * A candidate that cannot start, three times in a row or for good, is given up for the next one or,
 * when none is left, for good. Failures in service may be the fault of a text, which no other
 * process on the same device stands better: they restart for ever, except that a GPU which fails
 * three times in a row gives way to another device. What had proved itself is started again at once
 * the first time.
 */
export function afterEnd(
  failures: Failures,
  end: WorkerEnd,
  candidates: { readonly left: boolean; readonly otherDeviceLeft: boolean },
): { failures: Failures; next: NextStep } {
  const before = end.ranMs >= healthyMs ? noFailures : failures;
  const counted = { ...before, [end.stage]: before[end.stage] + 1 };
  if (!end.retryable || counted.start >= failuresMax) {
    return {
      failures: noFailures,
      next: candidates.left ? { kind: 'next-candidate' } : { kind: 'give-up' },
    };
  }
  if (counted.service >= failuresMax && candidates.otherDeviceLeft)
    return { failures: noFailures, next: { kind: 'next-candidate' } };
  const waits = end.stage === 'service' ? counted.service - 1 : counted.start;
  return {
    failures: counted,
    next: { kind: 'restart', delayMs: waits === 0 ? 0 : backoffMs(backoff, waits) },
  };
}
