// Writes embedded texts to the store in batches that it takes, except those whose runner was found
// wrong while they waited. One text that the store refuses does not keep the others out.

import { assert, at } from '#core/errors/assert.ts';
import type { Clock, Provenance, TextRecord, VectorStore, WriteOutcome } from '#core/ports.ts';
import type { BatchLimits } from './batched-calls.ts';
import { Batcher } from './batcher.ts';
import { writeBisecting } from './bisecting-write.ts';
import type { Guard } from './dependency-guard.ts';
import type { PipelineObserver } from './pipeline-observer.ts';
import { createStoreWriter } from './store-writer.ts';

/** The vector was not written, because its runner was found wrong. */
export type Distrusted = { readonly status: 'distrusted' };

export type TextStore = Pick<VectorStore, 'batchMax' | 'putTexts'>;

export type TextWriteOptions = {
  readonly store: TextStore;
  /** Whether a vector must not be stored, because its runner was found wrong. */
  readonly isDistrusted: (provenance: Provenance) => boolean;
};

export type TextWriterOptions = TextWriteOptions & {
  readonly guard: Guard;
  readonly clock: Clock;
  readonly limits: BatchLimits;
  readonly observer: Pick<PipelineObserver, 'storeWrite'>;
};

/** Writes texts that come one by one: it gathers them, and waits while the store is down. */
export function createTextWriter({
  store,
  isDistrusted,
  ...options
}: TextWriterOptions): (text: TextRecord) => Promise<WriteOutcome | Distrusted> {
  return createStoreWriter<TextRecord, WriteOutcome | Distrusted>({
    ...options,
    ...batchBounds(store),
    // Runs before every attempt, because a runner may be found wrong while the store is down.
    write: (records) => putTrusted(store, records, isDistrusted),
  });
}

/** The records in order, in batches that the store takes in one call. */
export function textBatches(
  store: TextStore,
  records: readonly TextRecord[],
): readonly (readonly TextRecord[])[] {
  const batcher = new Batcher<TextRecord>({ ...batchBounds(store), ageMsMax: 0 });
  for (const record of records) batcher.add(record, 0);
  const batches: TextRecord[][] = [];
  for (let batch = batcher.take(0); batch !== null; batch = batcher.take(0)) batches.push(batch);
  return batches;
}

/**
 * Writes one batch (see `textBatches`), and tries nothing again. One outcome per record, in order.
 *
 * @throws DependencyError when the store is down
 */
export function writeTextBatch(
  { store, isDistrusted }: TextWriteOptions,
  records: readonly TextRecord[],
): Promise<readonly (WriteOutcome | Distrusted)[]> {
  return writeBisecting(records, (part) => putTrusted(store, part, isDistrusted));
}

function batchBounds(store: TextStore): {
  readonly countMax: number;
  readonly weightMax: number;
  readonly weightOf: (record: TextRecord) => number;
} {
  return {
    countMax: store.batchMax.texts,
    weightMax: batchCharactersMax,
    weightOf: ({ text }) => text.length,
  };
}

/** One outcome per record, in order. */
async function putTrusted(
  store: TextStore,
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
