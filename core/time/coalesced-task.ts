// Runs a task once for many requests: soon after the first, at once when there are many, and again
// when it fails.

import type { Clock } from '#core/ports.ts';
import { rest } from './rest.ts';

export type CoalescedTaskOptions = {
  /** Calls do not overlap. */
  readonly work: () => Promise<void>;
  readonly delayMs: number;
  /** This many requests make the task run at once. */
  readonly countMax: number;
  /** How long to wait after a failure. */
  readonly retryMs: number;
  readonly failed: (error: unknown) => void;
  readonly clock: Clock;
};

export type CoalescedTask = {
  ask(): void;
  /** Ends the wait. Resolves when the task no longer runs. Later requests are ignored. */
  stop(): Promise<void>;
};

export function createCoalescedTask({
  work,
  delayMs,
  countMax,
  retryMs,
  failed,
  clock,
}: CoalescedTaskOptions): CoalescedTask {
  const stopping = new AbortController();
  const { signal } = stopping;
  let asked = 0;
  let due: AbortController | null = null;
  let running: Promise<void> | null = null;

  const run = async (): Promise<void> => {
    while (asked > 0 && !signal.aborted) {
      due = new AbortController();
      if (asked < countMax) await rest(clock, delayMs, AbortSignal.any([due.signal, signal]));
      due = null;
      if (signal.aborted) break;
      asked = 0;
      try {
        await work();
      } catch (error) {
        asked += 1;
        failed(error);
        await rest(clock, retryMs, signal);
      }
    }
    running = null;
  };

  return {
    ask() {
      if (signal.aborted) return;
      asked += 1;
      running ??= run();
      if (asked >= countMax) due?.abort();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
