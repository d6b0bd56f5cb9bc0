// Reads rows of the database as the values that the store's port promises.

import type { BareText, Product, Provenance, StoredEvent } from '#core/ports.ts';
import { storedJson } from './sqlite-errors.ts';
import { uuidText } from './uuid-bytes.ts';

export type Row = Readonly<Record<string, unknown>>;

/** The columns that `storedEventOf` reads, from `events` joined with `texts`. */
export const selectEvent =
  'SELECT events.id, texts.id AS text_id, timestamp, ingested_at, payload FROM events';
export const joinTexts = 'JOIN texts ON texts.key = events.text';
export const newestEventFirst = 'ORDER BY timestamp DESC, events.id DESC';

export function storedEventOf(row: Row): StoredEvent {
  return {
    id: uuidOf(row['id']),
    textId: uuidOf(row['text_id']),
    timestamp: Number(row['timestamp']),
    ingestedAt: Number(row['ingested_at']),
    payload: String(row['payload']),
  };
}

/** Needs the columns `text`, `kind` and `product`. */
export function bareTextOf(id: string, row: Row): BareText {
  return {
    id,
    text: String(row['text']),
    kind: row['kind'] === 'query' ? 'query' : 'product',
    product: productOf(row['product']),
  };
}

/** Needs the columns of a text that say who embedded it. */
export function provenanceOf(row: Row): Provenance {
  return {
    runnerSession: String(row['runner_session']),
    runnerName: String(row['runner_name']),
    device: String(row['device']),
    dtype: String(row['dtype']),
    embeddedAt: Number(row['embedded_at']),
    checkedAt: Number(row['checked_at']),
  };
}

export function productOf(json: unknown): Product | null {
  return typeof json === 'string' ? storedJson(json, 'the product of a text') : null;
}

export function uuidOf(bytes: unknown): string {
  return bytes instanceof Uint8Array ? uuidText(bytes) : '';
}
