// The stages of the pipeline that take what ends elsewhere than in the store, many at a time:
// deletes, dead letters, and what the sink is told of.

import type { ErasedEvents } from '#core/erasure/tombstones.ts';
import { recordBytes } from '#core/event/record-bytes.ts';
import type { Clock, DeadLetter, DeadLetters, Deletion } from '#core/ports.ts';
import { batchBytesMax, createBatchedCalls, type BatchLimits } from './batched-calls.ts';
import type { ChangeFeed, WrittenEvent } from './changes/change-feed.ts';
import type { Guard } from './dependency-guard.ts';
import type { Stages } from './process-delivery.ts';

export type BatchedStagesOptions = {
  readonly deadLetters: DeadLetters;
  readonly erased: ErasedEvents;
  /** `null`: nobody is told of anything. */
  readonly changes: ChangeFeed | null;
  readonly guards: Readonly<Record<'deadLetters' | 'sink', Guard>>;
  readonly clock: Clock;
  readonly limits: Pick<BatchLimits, 'batchAgeMsMax'>;
  /** Ends the wait for a delete. */
  readonly intake: AbortSignal;
};

const batchMax = 256;
/** A batch of deletes mostly waits (see `ErasureStore.settleMs`), so that many are in flight. */
const deletionBatchesMax = 8;

export function createBatchedStages({
  deadLetters,
  erased,
  changes,
  guards,
  clock,
  limits,
  intake,
}: BatchedStagesOptions): Pick<Stages, 'deleteOlder' | 'writeDeadLetter' | 'tell'> {
  const atOnce = (writesInFlightMax: number): BatchLimits => ({
    get batchAgeMsMax() {
      return limits.batchAgeMsMax;
    },
    writesInFlightMax,
  });
  const byCount = { countMax: batchMax, weightMax: batchMax, weightOf: () => 1, clock };
  return {
    deleteOlder: createBatchedCalls<Deletion, void>({
      ...byCount,
      limits: atOnce(deletionBatchesMax),
      run: async (batch) => {
        await erased.delete(batch, intake);
        return batch.map(() => undefined);
      },
    }),
    writeDeadLetter: createBatchedCalls<DeadLetter, void>({
      ...byCount,
      weightMax: batchBytesMax,
      weightOf: recordBytes,
      limits: atOnce(1),
      run: async (batch) => {
        await guards.deadLetters.call(() => deadLetters.put(batch));
        return batch.map(() => undefined);
      },
    }),
    tell:
      changes &&
      createBatchedCalls<WrittenEvent, void>({
        ...byCount,
        limits: atOnce(1),
        run: async (batch) => {
          await guards.sink.call(() => changes.events(batch, erased));
          return batch.map(() => undefined);
        },
      }),
  };
}
