// Does a piece of work once for many askings: soon after the first, at once when there are many,
// again while it fails.

import type { Clock } from '#core/ports.ts';

export type CoalescedTaskOptions = {
  /** Never called twice at once. */
  readonly work: () => Promise<void>;
  readonly delayMs: number;
  /** So many askings make it due at once. */
  readonly countMax: number;
  /** Before it is tried again. */
  readonly retryMs: number;
  readonly failed: (error: unknown) => void;
  readonly clock: Clock;
};

export type CoalescedTask = {
  ask(): void;
  /** Ends the waiting; resolves when nothing is under way. Asking changes nothing from then on. */
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
      if (asked < countMax)
        await clock.sleep(delayMs, AbortSignal.any([due.signal, signal])).catch(() => undefined);
      due = null;
      if (signal.aborted) break;
      asked = 0;
      try {
        await work();
      } catch (error) {
        asked += 1;
        failed(error);
        await clock.sleep(retryMs, signal).catch(() => undefined);
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
