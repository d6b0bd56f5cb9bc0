// Writes texts and events as Qdrant points, and reads them back; a point that cannot be read
// throws.

import type { Schemas } from '@qdrant/js-client-rest';
import { rawIdOf } from '#core/event/event-id.ts';
import type {
  BareText,
  EventRecord,
  Product,
  Provenance,
  StoredEvent,
  TextRecord,
} from '#core/ports.ts';
import { vectorProblem } from '#core/vectors/vector.ts';

export type Point = Schemas['PointStruct'];

/** The payload of a point, as the client types it. */
type Payload = Readonly<Record<string, unknown>> | null | undefined;

/** Qdrant reads times as RFC 3339 with a year of four digits; other times are clamped to these. */
export const timeOf = (ms: number): string =>
  new Date(Math.max(timeMin, Math.min(timeMax, ms))).toISOString();
const timeMin = Date.parse('0001-01-01T00:00:00Z');
const timeMax = Date.parse('9999-12-31T23:59:59.999Z');

/**
 * `unreferenced_since` is a hint that possibly no event refers to the text. It is always set here,
 * and the sweep removes it where it is wrong. For that reason a write of an event needs no write of
 * its text.
 */
export function textPoint(
  { id, text, kind, product, embedding: { vector, provenance } }: TextRecord,
  now: number,
): Point {
  return {
    id,
    vector: Array.from(vector, roundedForJson),
    payload: {
      kind,
      text,
      product: product === null ? null : wellFormed(product),
      runner_session: provenance.runnerSession,
      runner_name: provenance.runnerName,
      device: provenance.device,
      dtype: provenance.dtype,
      embedded_at: timeOf(provenance.embeddedAt),
      checked_at: timeOf(provenance.checkedAt),
      unreferenced_since: timeOf(now),
    },
  };
}

/**
 * `payload` is the event as it arrived, as a string, so that it can be returned unchanged. The
 * other fields are for filters.
 */
export function eventPoint({ event, textId, ingestedAt }: EventRecord): Point {
  const { eventId, id, eventType, timestamp, userId, sessionId, product, payload } = event;
  return {
    id,
    vector: {},
    payload: {
      raw_id: rawIdOf(eventId).toWellFormed(),
      event_type: eventType,
      text_id: textId,
      user_id: userId.toWellFormed(),
      session_id: sessionId.toWellFormed(),
      timestamp: timeOf(timestamp),
      ingested_at: timeOf(ingestedAt),
      ...(product === null ? {} : { product: indexed(wellFormed(product)) }),
      payload,
    },
  };
}

export const eventFields = ['text_id', 'timestamp', 'ingested_at', 'payload'];

export function storedEvent({ id, payload }: Schemas['Record']): StoredEvent {
  return {
    id: String(id),
    textId: stringAt(payload, 'text_id'),
    timestamp: timeAt(payload, 'timestamp'),
    ingestedAt: timeAt(payload, 'ingested_at'),
    payload: stringAt(payload, 'payload'),
  };
}

/** Reads the text of a product or of a query, withheld or not. */
export function bareText({ id, payload }: Schemas['Record']): BareText {
  const product = productAt(payload);
  return {
    id: String(id),
    text: stringAt(payload, 'text'),
    kind: product === null ? 'query' : 'product',
    product,
  };
}

export function vectorOf({ vector: found }: Schemas['Record'], dimensions: number): Float32Array {
  if (!Array.isArray(found)) throw new TypeError('a text has no vector');
  const vector = Float32Array.from(found.map(Number));
  const problem = vectorProblem(vector, dimensions);
  if (problem !== null) throw new TypeError(problem);
  return vector;
}

export const provenanceFields = [
  'runner_session',
  'runner_name',
  'device',
  'dtype',
  'embedded_at',
  'checked_at',
];

export function provenanceOf({ payload }: Schemas['Record']): Provenance {
  return {
    runnerSession: stringAt(payload, 'runner_session'),
    runnerName: stringAt(payload, 'runner_name'),
    device: stringAt(payload, 'device'),
    dtype: stringAt(payload, 'dtype'),
    embeddedAt: timeAt(payload, 'embedded_at'),
    checkedAt: timeAt(payload, 'checked_at'),
  };
}

function productAt(payload: Payload): Product | null {
  const product = payload?.['product'];
  if (typeof product !== 'object' || product === null) return null;
  const fields: Payload = { ...product };
  const { description, category, price } = fields;
  return {
    id: stringAt(fields, 'id'),
    name: stringAt(fields, 'name'),
    description: typeof description === 'string' ? description : null,
    category: typeof category === 'string' ? category : null,
    price: Number(price),
  };
}

/** The product of an event's point; its id is `null` without one. */
export function indexedProduct(payload: Payload): {
  readonly id: string | null;
  readonly category: string | null;
} {
  const product = payload?.['product'];
  const { id, category }: { id?: unknown; category?: unknown } =
    typeof product === 'object' && product !== null ? product : {};
  return {
    id: typeof id === 'string' ? id : null,
    category: typeof category === 'string' ? category : null,
  };
}

export function stringAt(payload: Payload, key: string): string {
  const value = payload?.[key];
  if (typeof value !== 'string') throw new TypeError(`a point has no string "${key}"`);
  return value;
}

/** The time at `key`, in UTC ms. */
export function timeAt(payload: Payload, key: string): number {
  const ms = Date.parse(stringAt(payload, key));
  if (Number.isNaN(ms)) throw new TypeError(`a point's "${key}" is not a time`);
  return ms;
}

/**
 * Eight decimals are seven significant digits of a typical component of a unit vector: as exact as
 * a float32. It takes half the bytes that JSON needs for the same number as a float64 (4.4 KB for
 * 384 components), and is faster than `toPrecision`.
 */
function roundedForJson(component: number): number {
  return Math.round(component * 1e8) / 1e8;
}

/** Qdrant cannot read JSON with a lone surrogate. */
function wellFormed({ id, name, description, category, price }: Product): Product {
  return {
    id: id.toWellFormed(),
    name: name.toWellFormed(),
    description: description?.toWellFormed() ?? null,
    category: category?.toWellFormed() ?? null,
    price,
  };
}

function indexed({ id, category, price }: Product): Pick<Product, 'id' | 'category' | 'price'> {
  return { id, category, price };
}
