// Writes a change of the index as a record of the sink: JSON, under the id that it is about.

import type { Embedding, LogRecord } from '#core/ports.ts';
import { shortNumbers } from '#core/vectors/vector.ts';
import type { AnnouncedEvent } from './announced-event.ts';

export type IndexChange =
  /** The event is stored. `embedding`: its vector; `null` while that is withheld. */
  | { readonly kind: 'event'; readonly event: AnnouncedEvent; readonly embedding: Embedding | null }
  /** The vector of a text was replaced, or withheld (`null`). */
  | { readonly kind: 'text'; readonly textId: string; readonly embedding: Embedding | null }
  /** The event with this id, or the text if it is the text's own, is gone. */
  | { readonly kind: 'deleted'; readonly id: string; readonly textId: string };

export type ChangeFormat = {
  /** The key of an event's record: the id of its text, or its own. */
  readonly key: 'text' | 'event';
  readonly content: 'embedding' | 'text_id';
  readonly model: { readonly id: string; readonly revision: string };
};

const encoder = new TextEncoder();
const noBytes = new Uint8Array();

/** `now`: UTC ms. */
export function changeRecord(change: IndexChange, format: ChangeFormat, now: number): LogRecord {
  const { key, value } = contentOf(change, format);
  const record = { key: encoder.encode(key), headers: {}, timestamp: now };
  if (value !== null) return { ...record, value: encoder.encode(JSON.stringify(value)) };
  const deleted = { ...record, value: noBytes, isTombstone: true };
  // Where the event's own records are, so that whoever reads them reads this one later.
  const isBesideText = format.key === 'text' && change.kind === 'deleted' && change.textId !== key;
  return isBesideText ? { ...deleted, partitionKey: encoder.encode(change.textId) } : deleted;
}

type Content = { readonly key: string; readonly value: object | null };

function contentOf(change: IndexChange, format: ChangeFormat): Content {
  if (change.kind === 'deleted') return { key: change.id, value: null };
  const { kind, embedding } = change;
  if (change.kind === 'text') {
    const { textId } = change;
    const embeddedAt = timeOf(embedding?.provenance.embeddedAt);
    const vector = format.content === 'embedding' ? vectorOf(embedding, format) : {};
    return { key: textId, value: { kind, text_id: textId, ...vector, embedded_at: embeddedAt } };
  }
  const { id, eventId, eventType, timestamp, product, textId } = change.event;
  const value = {
    kind,
    id,
    event_id: eventId,
    event_type: eventType,
    timestamp: timeOf(timestamp),
    product_id: product?.id ?? null,
    text_id: textId,
    ...(format.content === 'embedding' && {
      ...vectorOf(embedding, format),
      embedded_at: timeOf(embedding?.provenance.embeddedAt),
    }),
  };
  return { key: format.key === 'text' ? textId : id, value };
}

function vectorOf(embedding: Embedding | null, { model }: ChangeFormat): object {
  return {
    vector: embedding && shortNumbers(embedding.vector),
    model: model.id,
    model_revision: model.revision,
  };
}

const timeOf = (ms: number | undefined): string | null =>
  ms === undefined ? null : new Date(ms).toISOString();
