// Writes events: the newest version of each, and none that refers to a missing text.

import type { DatabaseSync } from 'node:sqlite';
import type { EventType, WriteOutcome } from '#core/ports.ts';
import type { TextReferences } from './text-references.ts';
import { uuidBytes } from './uuid-bytes.ts';

/** A tuple, like `TextRow`. Its last items are columns of the table. */
export type EventRow = readonly [
  id: string,
  textId: string,
  productId: string | null,
  insertOnly: boolean,
  ...columns: readonly [
    timestamp: number,
    ingestedAt: number,
    eventType: EventType,
    category: string | null,
    price: number | null,
    userId: string,
    sessionId: string,
    payload: string,
    rawId: string,
  ],
];

type EventStatus =
  | 'stored'
  | 'superseded'
  | 'missing-text'
  | Extract<WriteOutcome, { readonly status: 'id-conflict' }>;

export type EventWrites = {
  /** One status for each row, in order. `now`: UTC ms. */
  putEvents(request: {
    readonly rows: readonly EventRow[];
    readonly now: number;
  }): readonly EventStatus[];
};

export function createEventWrites(database: DatabaseSync, references: TextReferences): EventWrites {
  const textById = database.prepare('SELECT key, unreferenced_since FROM texts WHERE id = ?');
  const insertEvent = database.prepare(`
    INSERT INTO events (id, text, timestamp, ingested_at, event_type, category, price, user_id,
      session_id, payload, raw_id)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`);
  const eventById = database.prepare('SELECT text, timestamp, raw_id FROM events WHERE id = ?');
  const updateEvent = database.prepare(`
    UPDATE events SET text = ?, timestamp = ?, ingested_at = ?, event_type = ?, category = ?,
      price = ?, user_id = ?, session_id = ?, payload = ?, raw_id = ?
    WHERE id = ?`);
  const putProductText = database.prepare(
    'INSERT INTO product_texts (product, text) VALUES (?, ?) ON CONFLICT DO NOTHING',
  );
  const addTotal = database.prepare("UPDATE totals SET count = count + ? WHERE name = 'events'");

  return {
    putEvents({ rows, now }) {
      let added = 0;
      const products = new Map<number, Set<string>>();

      const put = ([id, textId, productId, insertOnly, ...columns]: EventRow): EventStatus => {
        const text = textById.get(uuidBytes(textId));
        if (text === undefined) return 'missing-text';
        const key = Number(text['key']);
        const eventKey = uuidBytes(id);
        const [timestamp] = columns;
        if (insertEvent.run(eventKey, key, ...columns).changes === 1) {
          added += 1;
        } else {
          const stored = eventById.get(eventKey);
          const rawId = stored?.['raw_id'];
          if (typeof rawId === 'string' && rawId !== columns[columns.length - 1])
            return { status: 'id-conflict', rawId };
          if (insertOnly || Number(stored?.['timestamp']) >= timestamp) return 'superseded';
          updateEvent.run(key, ...columns, eventKey);
          const before = Number(stored?.['text']);
          if (before !== key) references.checkReferences(before, now);
        }
        if (text['unreferenced_since'] !== null) references.setUnreferenced(key, null);
        if (productId !== null) products.set(key, (products.get(key) ?? new Set()).add(productId));
        return 'stored';
      };

      const statuses = rows.map(put);
      // Once per batch: nearly every pair of text and product is stored already.
      for (const [text, ids] of products) for (const id of ids) putProductText.run(id, text);
      addTotal.run(added);
      return statuses;
    },
  };
}
