// Keeps erased persons out of a fresh index: it takes over the tombstones of the index in use, and
// erases what it has stored meanwhile of persons who were erased there.

import { existsSync } from 'node:fs';
import { concernedIn } from '#core/erasure/record-concerns.ts';
import { Tombstones } from '#core/erasure/tombstones.ts';
import { assert } from '#core/errors/assert.ts';
import { DependencyError } from '#core/errors/errors.ts';
import { productOfPayload } from '#core/event/stored-product.ts';
import type { Clock, ErasureStore, StoredEvent, Tombstone, VectorStore } from '#core/ports.ts';
import { type Config, storeKind } from '../config/config.ts';
import { databaseFile, openDatabase } from '../embedded/sql/database.ts';
import { createErasureReads } from '../embedded/sql/erasure-tables.ts';
import { keyedMarks } from '../erasure/keyed-marks.ts';

export type LiveErasures = {
  readonly key: Uint8Array;
  readonly tombstones: readonly Tombstone[];
};

const nothing = { key: null, tombstones: [] } as const;

/** `key: null` where nothing was ever erased, or there is no index yet. @throws DependencyError */
export async function liveErasures(
  config: Config,
  clock: Clock,
): Promise<LiveErasures | typeof nothing> {
  return storeKind(config) === 'qdrant'
    ? ofQdrant(config, clock)
    : ofFolder(config.gateway.dataDir);
}

/** A gateway may be using the folder: SQLite lets others read. */
function ofFolder(folder: string): LiveErasures | typeof nothing {
  if (!existsSync(databaseFile(folder))) return nothing;
  const database = openDatabase(folder, { readOnly: true, cacheKib: 1024 });
  try {
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE name = 'tombstones'");
    if (tables.get() === undefined) return nothing;
    const row = database.prepare("SELECT value FROM meta WHERE name = 'erasure_key'").get();
    if (row === undefined) return nothing;
    const key = Buffer.from(String(row['value']), 'base64');
    return { key, tombstones: createErasureReads(database).tombstonesSince(0) };
  } finally {
    database.close();
  }
}

async function ofQdrant(
  { qdrant: { url, apiKey, timeoutMs, collection } }: Config,
  clock: Clock,
): Promise<LiveErasures | typeof nothing> {
  assert(url !== null, 'Qdrant is the store and has no address');
  // Imported only here: Qdrant's client takes time and memory to load.
  const { codes, connectQdrant } = await import('../qdrant/qdrant-connection.ts');
  const { createQdrantTombstones } = await import('../qdrant/qdrant-tombstones.ts');
  const { erasuresOf } = await import('../qdrant/qdrant-store.ts');
  const qdrant = connectQdrant({ url, apiKey, timeoutMs, clock });
  const erasures = createQdrantTombstones(qdrant, erasuresOf(collection));
  try {
    return { key: await erasures.key(), tombstones: await erasures.tombstonesSince(0) };
  } catch (error) {
    if (error instanceof DependencyError && error.code === codes.missing) return nothing;
    throw error;
  }
}

/** Before anything is stored. @throws DependencyError */
export async function takeOver(
  { key, tombstones }: LiveErasures | typeof nothing,
  erasureStore: ErasureStore,
): Promise<void> {
  if (key === null) return;
  await erasureStore.key(key);
  await erasureStore.addTombstones(tombstones);
}

/**
 * Erases the events that these tombstones cover. Resolves with how many there were.
 *
 * @throws DependencyError
 */
export async function eraseCovered(
  { key, tombstones }: LiveErasures | typeof nothing,
  store: VectorStore,
): Promise<number> {
  if (key === null || tombstones.length === 0) return 0;
  const erased = new Tombstones(keyedMarks(key));
  erased.add(tombstones);
  let count = 0;
  let after: StoredEvent | undefined;
  for (;;) {
    const page = await store.events({}, pageMax, after);
    for (const event of page) {
      if (!erased.covers(concernedBy(event), event.timestamp)) continue;
      const subject = { kind: 'event', id: event.id } as const;
      await store.erasureStore.eraseEvents({ subject, until: event.timestamp });
      count += 1;
    }
    after = page.at(-1);
    if (after === undefined) return count;
  }
}

const pageMax = 1_000;

const concernedBy = ({ id, timestamp, payload }: StoredEvent) => ({
  ...concernedIn({ key: null, value: new TextEncoder().encode(payload) }),
  product: productOfPayload(payload),
  id,
  timestamp,
});
