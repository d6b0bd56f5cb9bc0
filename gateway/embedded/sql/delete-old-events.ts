// Deletes old events and texts without events, in bounded steps.

import type { DatabaseSync } from 'node:sqlite';
import type { VectorStore } from '#core/ports.ts';
import { productOf } from './stored-rows.ts';
import type { TextReferences } from './text-references.ts';
import { TextWords } from './word-tables.ts';

type ForgetRequest = Parameters<VectorStore['forget']>[0];
type Forgotten = Awaited<ReturnType<VectorStore['forget']>>;

export type ForgetWrites = { forget(request: ForgetRequest): Forgotten };

/** Rows of each kind that one call deletes at most: a few milliseconds of work. */
const forgetMax = 1_000;

/** Deletes a text, by its key, with all that belongs to it. */
export function createTextDeletion(database: DatabaseSync): (key: number) => void {
  const deletions = [
    'DELETE FROM vectors WHERE text = ?',
    'DELETE FROM product_texts WHERE text = ?',
    'DELETE FROM texts WHERE key = ?',
  ].map((sql) => database.prepare(sql));
  const words = new TextWords(database);
  const productOfText = database.prepare('SELECT product FROM texts WHERE key = ?');
  return (key) => {
    const product = productOf(productOfText.get(key)?.['product']);
    if (product !== null) words.delete(key, product);
    for (const deletion of deletions) deletion.run(key);
  };
}

export function createForgetWrites(
  database: DatabaseSync,
  references: TextReferences,
): ForgetWrites {
  const deleteOldEvents = database.prepare(`
    DELETE FROM events WHERE key IN (
      SELECT key FROM events INDEXED BY events_by_ingestion
      WHERE ingested_at < ? ORDER BY ingested_at LIMIT ?)
    RETURNING text`);
  const oldTexts = database.prepare(`
    SELECT key FROM texts INDEXED BY texts_unreferenced
    WHERE unreferenced_since < ? ORDER BY unreferenced_since LIMIT ?`);
  const deleteText = createTextDeletion(database);
  const addTotal = database.prepare('UPDATE totals SET count = count + ? WHERE name = ?');

  return {
    forget({ ingestedBefore, now, textGraceMs }) {
      const events = deleteOldEvents.all(ingestedBefore, forgetMax);
      for (const text of new Set(events.map((row) => Number(row['text']))))
        references.checkReferences(text, now);
      const texts = oldTexts.all(now - textGraceMs, forgetMax);
      for (const { key } of texts) deleteText(Number(key));
      addTotal.run(-events.length, 'events');
      addTotal.run(-texts.length, 'texts');
      return {
        events: events.length,
        texts: texts.length,
        more: events.length === forgetMax || texts.length === forgetMax,
      };
    },
  };
}
