// Gathers single items for an operation that works best on many, and hands every caller the outcome
// of its own item.

import { assert } from '#core/errors/assert.ts';
import type { Clock } from '#core/ports.ts';
import { Batcher } from './batcher.ts';

export type BatchedCallsOptions<T, R> = {
  readonly countMax: number;
  readonly weightMax: number;
  readonly weightOf: (item: T) => number;
  /** How long an item may wait for company, ms. Read at every use, as is `concurrency`. */
  readonly ageMsMax: number;
  /** Batches at work at once. */
  readonly concurrency: number;
  readonly clock: Clock;
  /** One outcome per item, in order. When it rejects, every item's caller gets the error. */
  readonly run: (items: readonly T[]) => Promise<readonly R[]>;
};

type Waiting<T, R> = {
  readonly item: T;
  readonly resolve: (outcome: R) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * A full batch goes out as soon as a slot is free, any other when its oldest item is `ageMsMax`
 * old.
 */
export function createBatchedCalls<T, R>(
  options: BatchedCallsOptions<T, R>,
): (item: T) => Promise<R> {
  const { clock } = options;
  const batcher = new Batcher<Waiting<T, R>>({
    countMax: options.countMax,
    weightMax: options.weightMax,
    weightOf: ({ item }) => options.weightOf(item),
    get ageMsMax() {
      return options.ageMsMax;
    },
  });
  let running = 0;
  let isTimerSet = false;

  function pump(): void {
    while (running < options.concurrency) {
      const batch = batcher.take(clock.monotonic());
      if (batch === null) return setTimer();
      running++;
      void work(batch);
    }
  }

  async function work(batch: readonly Waiting<T, R>[]): Promise<void> {
    try {
      const outcomes = await options.run(batch.map(({ item }) => item));
      assert(
        outcomes.length === batch.length,
        `${batch.length} items got ${outcomes.length} outcomes`,
      );
      outcomes.forEach((outcome, index) => batch[index]?.resolve(outcome));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      running--;
      pump();
    }
  }

  function setTimer(): void {
    const dueAt = batcher.nextDueAt();
    if (dueAt === null || isTimerSet) return;
    isTimerSet = true;
    void clock.sleep(Math.max(0, dueAt - clock.monotonic())).then(() => {
      isTimerSet = false;
      pump();
    });
  }

  return (item) =>
    new Promise<R>((resolve, reject) => {
      batcher.add({ item, resolve, reject }, clock.monotonic());
      pump();
    });
}
