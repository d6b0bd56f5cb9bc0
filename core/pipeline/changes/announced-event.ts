// What is told of a stored event: ids and its type, and nothing else about a person.

import { productOf } from '#core/event/stored-product.ts';
import type { EventRecord, Product, StoredEvent } from '#core/ports.ts';

export type AnnouncedEvent = {
  /** In the store. */
  readonly id: string;
  /** As it was sent. */
  readonly eventId: string;
  readonly eventType: string;
  /** UTC ms. */
  readonly timestamp: number;
  readonly product: Pick<Product, 'id'> | null;
  readonly textId: string;
  /** Never told: they say whether the event is erased. */
  readonly userId: string;
  readonly sessionId: string;
};

export function announcedEvent({ event, textId }: EventRecord): AnnouncedEvent {
  const { id, eventId, eventType, timestamp, product, userId, sessionId } = event;
  return { id, eventId, eventType, timestamp, product, textId, userId, sessionId };
}

export function announcedStoredEvent({
  id,
  textId,
  timestamp,
  payload,
}: StoredEvent): AnnouncedEvent {
  const event: Readonly<Record<string, unknown>> = JSON.parse(payload);
  return {
    id,
    textId,
    timestamp,
    eventId: String(event['event_id']),
    eventType: String(event['event_type']),
    product: productOf(event['product']),
    userId: String(event['user_id']),
    sessionId: String(event['session_id']),
  };
}
