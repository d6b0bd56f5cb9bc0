// Small, readable texts and events for tests of vector stores: the same number always gives the
// same record.

import { uuidV5 } from '#core/event/uuid.ts';
import type { EventRecord, EventType, Product, TextRecord } from '#core/ports.ts';

export const dimensions = 8;
export const noon = Date.UTC(2026, 0, 1, 12);

export const textIdOf = (n: number): string => uuidV5(`text ${n}`);
export const sessionIdOf = (n: number): string => uuidV5(`session ${n}`);
export const eventIdOf = (n: number): string => uuidV5(`event ${n}`);

/** One of 16 directions, so that texts `n` and `n + 16` tie for any query. */
export function unit(n: number): Float32Array {
  const vector = new Float32Array(dimensions);
  vector[n % dimensions] = Math.floor(n / dimensions) % 2 === 0 ? 1 : -1;
  return vector;
}

/** A query vector at a different angle to each of the directions. */
export const queryVector: Float32Array = (() => {
  const raw = Float32Array.from({ length: dimensions }, (_, i) => 1 + i * 0.37);
  const length = Math.hypot(...raw);
  return raw.map((x) => x / length);
})();

function productOf(n: number): Product {
  return {
    id: `p${n}`,
    name: `Text ${n}`,
    description: null,
    category: n % 7 === 0 ? null : `category-${n % 3}`,
    price: n % 20,
  };
}

export function textRecord(n: number, kind: 'product' | 'query' = 'product'): TextRecord {
  const provenance = {
    runnerSession: 'session-1',
    runnerName: 'runner',
    device: 'cpu',
    dtype: 'q8',
    embeddedAt: noon,
    checkedAt: noon,
  };
  return {
    id: textIdOf(n),
    text: `Text ${n}`,
    kind,
    product: kind === 'product' ? productOf(n) : null,
    embedding: { vector: unit(n), provenance },
  };
}

type Changes = {
  readonly text?: number;
  readonly timestamp?: number;
  readonly ingestedAt?: number;
  readonly eventType?: EventType;
  /** In place of the text's own product id. */ readonly productId?: string;
  /** The id that the client sent. */ readonly eventId?: string;
};

export function eventRecord(
  n: number,
  {
    text = 1,
    timestamp = noon,
    ingestedAt = noon,
    eventType = 'view',
    productId,
    eventId = `event ${n}`,
  }: Changes = {},
): EventRecord {
  const isQuery = eventType === 'search';
  const product = isQuery
    ? null
    : { ...productOf(text), ...(productId === undefined ? {} : { id: productId }) };
  return {
    event: {
      eventId,
      id: eventIdOf(n),
      eventType,
      timestamp,
      userId: `user-${n % 9}`,
      sessionId: `session-${n % 50}`,
      product,
      searchQuery: isQuery ? `Text ${text}` : null,
      payload: JSON.stringify({ n, größe: '世界', product }),
    },
    textId: textIdOf(text),
    ingestedAt,
  };
}

/** The same id as event 1 has, from a client that sends it as its own `event_id`. */
export const rivalEvent = (timestamp: number): EventRecord =>
  eventRecord(1, { text: 2, timestamp, eventId: eventIdOf(1) });
