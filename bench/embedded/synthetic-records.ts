// Makes synthetic records for benchmarks of a store: shaped like those of a shop, and the same for
// the same index.

import { at } from '#core/errors/assert.ts';
import { uuidV5 } from '#core/event/uuid.ts';
import { type EventRecord, eventTypes, type Product, type TextRecord } from '#core/ports.ts';

/** UTC ms of the first event. Each further event is a second later. */
export const startAt = Date.UTC(2026, 0, 1);
export const userCount = 2_000;
/** A search has its own text instead of a product's. */
const types = eventTypes.filter((type) => type !== 'search');

export function textRecord(index: number, dimensions: number): TextRecord {
  return {
    id: textId(index),
    text:
      `Product ${index}, ${category(index)}: ` +
      'as long as such a text usually is, for everyday use at home.',
    kind: 'product',
    product: product(index),
    embedding: {
      vector: unitVector(index, dimensions),
      provenance: {
        runnerSession: 'measured',
        runnerName: 'measured',
        device: 'cpu',
        dtype: 'none',
        embeddedAt: startAt,
        checkedAt: startAt,
      },
    },
  };
}

/** @param textCount texts that the events refer to, all equally often */
export function eventRecord(index: number, textCount: number): EventRecord {
  // The stride is a prime, so it reaches every text, in another order than they were written.
  const text = (index * 7_919) % textCount;
  const id = uuidV5(`event ${index}`);
  const timestamp = startAt + index * 1000;
  const eventType = at(types, index % types.length);
  const payload = JSON.stringify({
    event_id: id,
    timestamp: new Date(timestamp).toISOString(),
    user_id: userId(index),
    event_type: eventType,
    session_id: `session ${index >> 3}`,
    product: product(text),
    quantity: 1,
  });
  return {
    event: {
      eventId: id,
      id,
      eventType,
      timestamp,
      userId: userId(index),
      sessionId: `session ${index >> 3}`,
      product: product(text),
      searchQuery: null,
      payload,
    },
    textId: textId(text),
    ingestedAt: timestamp,
  };
}

export function textId(index: number): string {
  return uuidV5(`text ${index}`);
}

export function userId(index: number): string {
  return `user-${index % userCount}`;
}

function category(index: number): string {
  return `Category ${index % 20}`;
}

function product(index: number): Product {
  return {
    id: `p${index}`,
    name: `Product ${index}`,
    description: 'As long as such a text usually is, for everyday use at home.',
    category: category(index),
    price: 1 + (index % 200),
  };
}

/** Pseudo-random, and nearly at right angles to every other of these vectors. */
export function unitVector(index: number, dimensions: number): Float32Array {
  let state = index + 1;
  const vector = Float32Array.from({ length: dimensions }, () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return state / 2 ** 31;
  });
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
