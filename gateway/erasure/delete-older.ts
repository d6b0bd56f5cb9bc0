// Deletes what records of a topic name: single events, the events of products, and persons. Each is
// durable before its record is settled, so that a crash at any point leads here again.

import { partsOf } from '#core/collections/parts-of.ts';
import type { Deletion } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';
import { eraseEvents, type ErasurePlaces } from './erase-places.ts';

export type DeletionSteps = {
  readonly signal: AbortSignal;
  readonly addTombstones: (deletions: readonly Deletion[]) => Promise<void>;
  /** Resolves once the erasure of a person is durable; the work goes on after it. */
  readonly begin: (userId: string, at: number) => Promise<void>;
};

const productsMax = 1_000;

/** @throws the signal's reason */
export async function deleteOlder(
  places: ErasurePlaces,
  deletions: readonly Deletion[],
  { signal, addTombstones, begin }: DeletionSteps,
): Promise<void> {
  const latest = latestOfEach(deletions);
  for (const { subject, at } of latest) if (subject.kind === 'user') await begin(subject.id, at);
  const others = latest.filter(({ subject }) => subject.kind !== 'user');
  if (others.length === 0) return;
  await addTombstones(others);
  await deleteProducts(places, others);
  await deleteEvents(places, others, signal);
  // Again: what was under way when the tombstones were written has arrived by then.
  await rest(places.clock, places.store.erasureStore.settleMs, signal);
  await deleteEvents(places, others, signal);
}

function latestOfEach(deletions: readonly Deletion[]): readonly Deletion[] {
  const latest = new Map<string, Deletion>();
  for (const deletion of deletions) {
    const { subject, at } = deletion;
    const name = `${subject.kind} ${subject.id}`;
    if (at > (latest.get(name)?.at ?? Number.NEGATIVE_INFINITY)) latest.set(name, deletion);
  }
  return [...latest.values()];
}

/** A deleted product is no longer sold, unless the catalogue has a newer version of it. */
async function deleteProducts(
  { store }: ErasurePlaces,
  deletions: readonly Deletion[],
): Promise<void> {
  const gone = deletions
    .filter(({ subject }) => subject.kind === 'product')
    .map(({ subject, at }) => ({ id: subject.id, updatedAt: at, product: null, textId: null }));
  for (const part of partsOf(gone, productsMax)) await store.catalogue.put(part);
}

async function deleteEvents(
  places: ErasurePlaces,
  deletions: readonly Deletion[],
  signal: AbortSignal,
): Promise<void> {
  for (const { subject, at } of deletions)
    await eraseEvents(places, subject, at, { counts: {}, signal });
  signal.throwIfAborted();
}
