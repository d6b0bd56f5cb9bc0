// Writes single items to the store in batches, waits while the store is down, and keeps one bad
// item from failing the others.

import { type BatchedCallsOptions, createBatchedCalls } from './batched-calls.ts';
import { type Refused, writeBisecting } from './bisecting-write.ts';
import type { Guard } from './dependency-guard.ts';
import type { PipelineObserver } from './pipeline-observer.ts';

export type StoreWriterOptions<T, R> = Omit<BatchedCallsOptions<T, R>, 'run'> & {
  readonly guard: Guard;
  readonly observer: Pick<PipelineObserver, 'storeWrite'>;
  /** One outcome per item, in order. May be called again with a part of the items. */
  readonly write: (items: readonly T[]) => Promise<readonly R[]>;
};

/** The returned function resolves with the item's own outcome, once that is durable. */
export function createStoreWriter<T, R>({
  guard,
  observer,
  write,
  ...batching
}: StoreWriterOptions<T, R>): (item: T) => Promise<R | Refused> {
  const { clock } = batching;
  return createBatchedCalls<T, R | Refused>({
    ...batching,
    run: async (items) => {
      const startedAt = clock.monotonic();
      const outcomes = await writeBisecting(items, (part) => guard.call(() => write(part)));
      observer.storeWrite((clock.monotonic() - startedAt) / 1000);
      return outcomes;
    },
  });
}
