// Gathers single items for an operation that works best on many, and gives every caller the outcome
// of its own item.

import { assert, at } from '#core/errors/assert.ts';
import type { Clock } from '#core/ports.ts';
import { Batcher } from './batcher.ts';

/** Read at every use, because settings may change while the program runs. */
export type BatchLimits = {
  /** How long an item may wait for its batch to fill, ms. */
  readonly batchAgeMsMax: number;
  /** How many batches may run at once. */
  readonly writesInFlightMax: number;
};

export type BatchedCallsOptions<T, R> = {
  readonly countMax: number;
  readonly weightMax: number;
  readonly weightOf: (item: T) => number;
  readonly limits: BatchLimits;
  readonly clock: Clock;
  /** One outcome per item, in order. When it rejects, each item's caller gets the error. */
  readonly run: (items: readonly T[]) => Promise<readonly R[]>;
};

/** Keeps one write below a few megabytes, however large its records are. */
export const batchBytesMax = 4 * 1024 * 1024;

type Waiting<T, R> = {
  readonly item: T;
  readonly resolve: (outcome: R) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * A full batch runs as soon as fewer than `writesInFlightMax` batches run. Any other batch also
 * waits until its oldest item is `batchAgeMsMax` old.
 */
export function createBatchedCalls<T, R>(
  options: BatchedCallsOptions<T, R>,
): (item: T) => Promise<R> {
  const { clock, limits } = options;
  const batcher = new Batcher<Waiting<T, R>>({
    countMax: options.countMax,
    weightMax: options.weightMax,
    weightOf: ({ item }) => options.weightOf(item),
    get ageMsMax() {
      return limits.batchAgeMsMax;
    },
  });
  let running = 0;
  let isTimerSet = false;

  function startDueBatches(): void {
    while (running < limits.writesInFlightMax) {
      const batch = batcher.take(clock.monotonic());
      if (batch === null) return setTimer();
      running++;
      void runBatch(batch);
    }
  }

  async function runBatch(batch: readonly Waiting<T, R>[]): Promise<void> {
    try {
      const outcomes = await options.run(batch.map(({ item }) => item));
      assert(
        outcomes.length === batch.length,
        `${batch.length} items got ${outcomes.length} outcomes`,
      );
      outcomes.forEach((outcome, index) => at(batch, index).resolve(outcome));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      running--;
      startDueBatches();
    }
  }

  function setTimer(): void {
    const dueAt = batcher.nextDueAt();
    if (dueAt === null || isTimerSet) return;
    isTimerSet = true;
    void clock.sleep(Math.max(0, dueAt - clock.monotonic())).then(() => {
      isTimerSet = false;
      startDueBatches();
    });
  }

  return (item) =>
    new Promise<R>((resolve, reject) => {
      batcher.add({ item, resolve, reject }, clock.monotonic());
      startDueBatches();
    });
}
