// Decides which events a filter matches, in the plainest code: every adapter must agree with it.

import type { CountsRequest, EventFilter, EventRecord, FunnelTouch } from '#core/ports.ts';

export function matches({ event, textId }: EventRecord, filter: EventFilter): boolean {
  const { eventTypes, categories, userId, sessionId, textIds, productId } = filter;
  const { priceMin, priceMax, since, until } = filter;
  const category = event.product?.category ?? null;
  const price = event.product?.price ?? null;
  return (
    (eventTypes === undefined || eventTypes.includes(event.eventType)) &&
    (categories === undefined || (category !== null && categories.includes(category))) &&
    (userId === undefined || event.userId === userId) &&
    (sessionId === undefined || event.sessionId === sessionId) &&
    (textIds === undefined || textIds.includes(textId)) &&
    (productId === undefined || event.product?.id === productId) &&
    (priceMin === undefined || (price !== null && price >= priceMin)) &&
    (priceMax === undefined || (price !== null && price <= priceMax)) &&
    (since === undefined || event.timestamp >= since) &&
    (until === undefined || event.timestamp <= until)
  );
}

/** The value by which `countsBy` groups an event; `null` when the event is in no group. */
export function groupOf({ event, textId }: EventRecord, by: CountsRequest['by']): string | null {
  if (by === 'textId') return textId;
  if (by === 'productId') return event.product?.id ?? null;
  return by === 'eventType' ? event.eventType : (event.product?.category ?? null);
}

export function funnelTouch({ event, textId }: EventRecord): FunnelTouch {
  const { sessionId, timestamp, eventType, product } = event;
  const { id: productId = null, category = null } = product ?? {};
  return { sessionId, timestamp, eventType, productId, category, textId };
}

type EventCursor = { readonly timestamp: number; readonly id: string };

/** Newest first; at the same time the highest id first. */
export function byAge(a: EventCursor, b: EventCursor): number {
  return b.timestamp - a.timestamp || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}
