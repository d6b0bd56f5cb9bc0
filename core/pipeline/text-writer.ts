// Writes embedded texts to the store, except those whose runner was found wrong while they waited.

import { assert, at } from '#core/errors/assert.ts';
import type { Clock, Provenance, TextRecord, VectorStore, WriteOutcome } from '#core/ports.ts';
import type { BatchLimits } from './batched-calls.ts';
import type { Guard } from './dependency-guard.ts';
import type { PipelineObserver } from './pipeline-observer.ts';
import { createStoreWriter } from './store-writer.ts';

/** The vector was not written, because its runner was found wrong. */
export type Distrusted = { readonly status: 'distrusted' };

export type TextWriterOptions = {
  readonly store: VectorStore;
  readonly guard: Guard;
  readonly clock: Clock;
  readonly limits: BatchLimits;
  readonly observer: Pick<PipelineObserver, 'storeWrite'>;
  readonly isDistrusted: (provenance: Provenance) => boolean;
};

export function createTextWriter({
  store,
  isDistrusted,
  ...options
}: TextWriterOptions): (text: TextRecord) => Promise<WriteOutcome | Distrusted> {
  return createStoreWriter<TextRecord, WriteOutcome | Distrusted>({
    ...options,
    countMax: store.batchMax.texts,
    weightMax: batchCharactersMax,
    weightOf: ({ text }) => text.length,
    // Runs before every attempt, because a runner may be found wrong while the store is down.
    write: (records) => putTrusted(store, records, isDistrusted),
  });
}

/** One outcome per record, in order. */
async function putTrusted(
  store: VectorStore,
  records: readonly TextRecord[],
  isDistrusted: (provenance: Provenance) => boolean,
): Promise<readonly (WriteOutcome | Distrusted)[]> {
  const trusted = records.filter(({ embedding: { provenance } }) => !isDistrusted(provenance));
  const outcomes = trusted.length === 0 ? [] : await store.putTexts(trusted);
  assert(
    outcomes.length === trusted.length,
    `${trusted.length} texts got ${outcomes.length} outcomes`,
  );
  const outcomeOf = new Map(trusted.map((record, index) => [record, at(outcomes, index)]));
  return records.map((record) => outcomeOf.get(record) ?? { status: 'distrusted' });
}

/** Keeps one write of texts below a few megabytes. */
const batchCharactersMax = 1024 * 1024;
