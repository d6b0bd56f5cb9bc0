// Erases persons from `vectorstream.db`: holds tombstones and requests, and deletes events.

import type { DatabaseSync } from 'node:sqlite';
import { mergedRequest } from '#core/erasure/merged-request.ts';
import type { ErasureRequest, ErasureStore, Tombstone } from '#core/ports.ts';
import { createTextDeletion } from './delete-old-events.ts';
import { eventProduct } from './event-filter.ts';
import { storedJson } from './sqlite-errors.ts';
import type { TextReferences } from './text-references.ts';
import { uuidBytes } from './uuid-bytes.ts';

type EraseEvents = Parameters<ErasureStore['eraseEvents']>[0];

export type ErasureWrites = {
  /** In base64. `first`: see `ErasureStore.key`. */
  erasureKey(first: string): string;
  addTombstones(tombstones: readonly Tombstone[]): void;
  putErasure(request: ErasureRequest): void;
  eraseEvents(
    request: EraseEvents & { readonly now: number },
  ): Awaited<ReturnType<ErasureStore['eraseEvents']>>;
};
export type ErasureReads = {
  tombstonesSince(at: number): readonly Tombstone[];
  erasure(id: string): ErasureRequest | null;
  openErasures(): readonly ErasureRequest[];
};

/** Rows that one call deletes at most: a few milliseconds of work. */
const eraseMax = 1_000;
const openMax = 1_000;

export function createErasureWrites(
  database: DatabaseSync,
  references: TextReferences,
): ErasureWrites {
  const makeKey = database.prepare(
    "INSERT INTO meta (name, value) VALUES ('erasure_key', ?) ON CONFLICT DO NOTHING",
  );
  const readKey = database.prepare("SELECT value FROM meta WHERE name = 'erasure_key'");
  const addTombstones = database.prepare(`
    INSERT INTO tombstones (mark, at) VALUES (?, ?)
    ON CONFLICT DO UPDATE SET at = excluded.at WHERE excluded.at > at`);
  const put = database.prepare(`
    INSERT INTO erasures (id, request, is_open) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET request = excluded.request, is_open = excluded.is_open`);
  const requestById = createRequestById(database);
  const deletion = (condition: string) =>
    database.prepare(`
      DELETE FROM events WHERE key IN (SELECT key FROM events WHERE ${condition} LIMIT ${eraseMax})
      RETURNING text`);
  const isOld = 'min(timestamp, ingested_at) <= ?';
  const deletions = {
    user: deletion(`user_id = ? AND ${isOld}`),
    session: deletion(`session_id = ? AND ${isOld}`),
    product: deletion(`${eventProduct} = ? AND ${isOld}`),
    event: deletion('id = ? AND timestamp <= ?'),
  };
  const textByKey = database.prepare('SELECT kind, unreferenced_since FROM texts WHERE key = ?');
  const deleteText = createTextDeletion(database);
  const addTotal = database.prepare('UPDATE totals SET count = count + ? WHERE name = ?');

  return {
    erasureKey(first) {
      makeKey.run(first);
      return String(readKey.get()?.['value']);
    },
    addTombstones(tombstones) {
      for (const { mark, at } of tombstones) addTombstones.run(Buffer.from(mark, 'hex'), at);
    },
    putErasure(written) {
      const request = mergedRequest(requestById(written.id), written);
      put.run(request.id, JSON.stringify(request), request.finishedAt === null ? 1 : 0);
    },
    eraseEvents({ subject: { kind, id }, until, now }) {
      const events = deletions[kind].all(kind === 'event' ? uuidBytes(id) : id, until);
      let texts = 0;
      for (const text of new Set(events.map((row) => Number(row['text'])))) {
        references.checkReferences(text, now);
        const row = textByKey.get(text);
        if (row?.['kind'] !== 'query' || row['unreferenced_since'] === null) continue;
        deleteText(text);
        texts += 1;
      }
      addTotal.run(-events.length, 'events');
      addTotal.run(-texts, 'texts');
      return { events: events.length, texts, more: events.length === eraseMax };
    },
  };
}

export function createErasureReads(database: DatabaseSync): ErasureReads {
  const since = database.prepare(
    'SELECT mark, at FROM tombstones INDEXED BY tombstones_by_time WHERE at >= ?',
  );
  const open = database.prepare(
    `SELECT request FROM erasures WHERE is_open = 1 ORDER BY id LIMIT ${openMax}`,
  );
  return {
    tombstonesSince: (at) =>
      since.all(at).map(({ mark, at: time }) => ({
        mark: mark instanceof Uint8Array ? Buffer.from(mark).toString('hex') : '',
        at: Number(time),
      })),
    erasure: createRequestById(database),
    openErasures: () => open.all().map(requestOf),
  };
}

function createRequestById(database: DatabaseSync): ErasureReads['erasure'] {
  const byId = database.prepare('SELECT request FROM erasures WHERE id = ?');
  return (id) => {
    const row = byId.get(id);
    return row === undefined ? null : requestOf(row);
  };
}

const requestOf = ({ request }: Readonly<Record<string, unknown>>): ErasureRequest =>
  storedJson(String(request), 'the request of an erasure');
