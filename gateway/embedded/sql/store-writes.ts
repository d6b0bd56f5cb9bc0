// The write side of the store: a text once, the newest version of an event, and no event that
// points to nothing.

import type { DatabaseSync } from 'node:sqlite';
import type { EventType, Provenance } from '#core/ports.ts';
import { withheldSession } from './session-tables.ts';
import { uuidBytes } from './uuid-bytes.ts';

/**
 * A text to put, without its vector. Rows are tuples because a thousand of them cross to this
 * thread at a time.
 */
export type TextRow = readonly [
  id: string,
  text: string,
  kind: 'product' | 'query',
  product: string | null,
  provenance: Provenance,
];
export type EventRow = readonly [
  id: string,
  textId: string,
  timestamp: number,
  ingestedAt: number,
  eventType: EventType,
  category: string | null,
  price: number | null,
  userId: string,
  sessionId: string,
  payload: string,
  productId: string | null,
];

export type EventStatus = 'stored' | 'superseded' | 'missing-text';
export type ForgetRequest = {
  readonly ingestedBefore: number;
  readonly now: number;
  readonly textGraceMs: number;
};
export type Forgotten = { readonly events: number; readonly texts: number; readonly more: boolean };

export type StoreWrites = {
  /**
   * Which of `ids` are stored with a vector. One that is about to be forgotten gets its whole grace
   * again, from `now` on.
   */
  knownTexts(request: { readonly ids: readonly string[]; readonly now: number }): readonly string[];
  /**
   * `vectors` holds one vector after the other. Ids are UUIDs and vectors are checked: see
   * embedded-store.ts.
   */
  putTexts(request: {
    readonly rows: readonly TextRow[];
    readonly vectors: Float32Array;
    readonly now: number;
  }): void;
  putEvents(request: {
    readonly rows: readonly EventRow[];
    readonly now: number;
  }): readonly EventStatus[];
  forget(request: ForgetRequest): Forgotten;
};

/** Rows that one call of `forget` deletes at most of each kind: a few milliseconds of work. */
const forgetMax = 1_000;

export function createStoreWrites(database: DatabaseSync): StoreWrites {
  const textById = database.prepare('SELECT key, unreferenced_since FROM texts WHERE id = ?');
  const withVector = database.prepare(
    `SELECT key, unreferenced_since FROM texts WHERE id = ? AND runner_session <> '${withheldSession}'`,
  );
  const mark = database.prepare('UPDATE texts SET unreferenced_since = ? WHERE key = ?');
  const putText = database.prepare(`
    INSERT INTO texts (id, text, kind, product, runner_session, runner_name, device, dtype, embedded_at, checked_at, unreferenced_since)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET runner_session = excluded.runner_session, runner_name = excluded.runner_name, device = excluded.device,
      dtype = excluded.dtype, embedded_at = excluded.embedded_at, checked_at = excluded.checked_at,
      unreferenced_since = CASE WHEN unreferenced_since IS NULL THEN NULL ELSE excluded.unreferenced_since END
    RETURNING key`);
  const putVector = database.prepare(
    'INSERT INTO vectors (text, kind, vector) VALUES (?, ?, ?) ON CONFLICT (text) DO UPDATE SET vector = excluded.vector',
  );
  const insertEvent = database.prepare(`
    INSERT INTO events (id, text, timestamp, ingested_at, event_type, category, price, user_id, session_id, payload)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`);
  const eventById = database.prepare('SELECT text, timestamp FROM events WHERE id = ?');
  const updateEvent = database.prepare(`
    UPDATE events SET text = ?, timestamp = ?, ingested_at = ?, event_type = ?, category = ?, price = ?, user_id = ?, session_id = ?, payload = ?
    WHERE id = ?`);
  const hasEvents = database.prepare(
    'SELECT 1 FROM events INDEXED BY events_by_text WHERE text = ? LIMIT 1',
  );
  const oldEvents = database.prepare(`DELETE FROM events WHERE key IN (
    SELECT key FROM events INDEXED BY events_by_ingestion WHERE ingested_at < ? ORDER BY ingested_at LIMIT ?) RETURNING text`);
  const oldTexts = database.prepare(
    'SELECT key FROM texts INDEXED BY texts_unreferenced WHERE unreferenced_since < ? ORDER BY unreferenced_since LIMIT ?',
  );
  const deleteText = database.prepare('DELETE FROM texts WHERE key = ?');
  const putProductText = database.prepare(
    'INSERT INTO product_texts (product, text) VALUES (?, ?) ON CONFLICT DO NOTHING',
  );
  const deleteProductTexts = database.prepare('DELETE FROM product_texts WHERE text = ?');
  const deleteVector = database.prepare('DELETE FROM vectors WHERE text = ?');

  const addTotal = database.prepare('UPDATE totals SET count = count + ? WHERE name = ?');

  /** A text without events begins its grace. */
  const markIfUnreferenced = (text: number, now: number) => {
    if (hasEvents.get(text) === undefined) mark.run(now, text);
  };

  return {
    knownTexts({ ids, now }) {
      return ids.filter((id) => {
        const key = uuidBytes(id);
        const row = key === null ? undefined : withVector.get(key);
        if (row === undefined) return false;
        if (row['unreferenced_since'] !== null) mark.run(now, Number(row['key']));
        return true;
      });
    },

    putTexts({ rows, vectors, now }) {
      const dimensions = vectors.length / Math.max(1, rows.length);
      let added = 0;
      for (const [index, [id, text, kind, product, provenance]] of rows.entries()) {
        const { runnerSession, runnerName, device, dtype, embeddedAt, checkedAt } = provenance;
        if (textById.get(uuidBytes(id)) === undefined) added += 1;
        // Until its first event comes, a text counts as unreferenced: one whose event was never
        // stored goes by itself.
        const row = putText.get(
          uuidBytes(id),
          text,
          kind,
          product,
          runnerSession,
          runnerName,
          device,
          dtype,
          embeddedAt,
          checkedAt,
          now,
        );
        putVector.run(
          Number(row?.['key']),
          kind,
          new Uint8Array(
            vectors.buffer,
            vectors.byteOffset + index * dimensions * 4,
            dimensions * 4,
          ),
        );
      }
      addTotal.run(added, 'texts');
    },

    putEvents({ rows, now }) {
      let added = 0;
      const products = new Map<number, Set<string>>();
      const statuses = rows.map(
        ([
          id,
          textId,
          timestamp,
          ingestedAt,
          eventType,
          category,
          price,
          userId,
          sessionId,
          payload,
          productId,
        ]): EventStatus => {
          const text = textById.get(uuidBytes(textId));
          if (text === undefined) return 'missing-text';
          const key = Number(text['key']);
          const eventKey = uuidBytes(id);
          const columns = [
            timestamp,
            ingestedAt,
            eventType,
            category,
            price,
            userId,
            sessionId,
            payload,
          ] as const;
          if (insertEvent.run(eventKey, key, ...columns).changes === 1) {
            added += 1;
          } else {
            const stored = eventById.get(eventKey);
            if (Number(stored?.['timestamp']) >= timestamp) return 'superseded';
            updateEvent.run(key, ...columns, eventKey);
            if (Number(stored?.['text']) !== key) markIfUnreferenced(Number(stored?.['text']), now);
          }
          if (text['unreferenced_since'] !== null) mark.run(null, key);
          if (productId !== null)
            products.set(key, (products.get(key) ?? new Set()).add(productId));
          return 'stored';
        },
      );
      // Once per batch: an event's text and product were nearly always seen together before.
      for (const [text, ids] of products) for (const id of ids) putProductText.run(id, text);
      addTotal.run(added, 'events');
      return statuses;
    },

    forget({ ingestedBefore, now, textGraceMs }) {
      const deleted = oldEvents.all(ingestedBefore, forgetMax);
      for (const text of new Set(deleted.map((row) => Number(row['text']))))
        markIfUnreferenced(text, now);
      const texts = oldTexts.all(now - textGraceMs, forgetMax);
      for (const row of texts) {
        deleteVector.run(Number(row['key']));
        deleteProductTexts.run(Number(row['key']));
        deleteText.run(Number(row['key']));
      }
      addTotal.run(-deleted.length, 'events');
      addTotal.run(-texts.length, 'texts');
      return {
        events: deleted.length,
        texts: texts.length,
        more: deleted.length === forgetMax || texts.length === forgetMax,
      };
    },
  };
}
