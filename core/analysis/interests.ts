// Turns a user's events into weighted interests, and finds those that explain a recommended
// product.

import type { WireEvent } from '#core/event/event-schema.ts';
import { type EventTypes, ownEventTypes } from '#core/event/event-types.ts';
import { visibleText } from '#core/event/visible-text.ts';
import { type EventType, type Product, type StoredEvent } from '#core/ports.ts';
import { cosine } from '#core/vectors/vector.ts';

export type Interest = {
  readonly textId: string;
  /** The id that the client sent. */
  readonly eventId: string;
  readonly eventType: EventType;
  readonly timestamp: number;
  readonly sessionId: string;
  readonly product: Pick<Product, 'id' | 'name' | 'category'> | null;
  readonly searchQuery: string | null;
  readonly weight: number;
};

/**
 * The interests of a user's events, newest first:
 *
 *     weight = weight of its type × 2^(−age / half-life)
 *
 * Age is relative to the newest event, not to now. Only the proportions matter, and the weights of
 * old events do not underflow.
 */
export function interestsOf(
  events: readonly StoredEvent[],
  halfLifeMs: number,
  { schema, weights }: EventTypes = ownEventTypes,
): readonly Interest[] {
  const newestAt = events[0]?.timestamp ?? 0;
  return events.flatMap((stored): Interest[] => {
    const { data: event } = schema.safeParse(JSON.parse(stored.payload));
    if (event === undefined) return [];
    return [
      {
        textId: stored.textId,
        eventId: event.event_id,
        eventType: event.event_type,
        timestamp: stored.timestamp,
        sessionId: event.session_id,
        product: productOf(event),
        searchQuery: event.search_query ?? null,
        weight:
          (weights.get(event.event_type) ?? 0) * 2 ** (-(newestAt - stored.timestamp) / halfLifeMs),
      },
    ];
  });
}

function productOf({ product }: WireEvent): Interest['product'] {
  if (!product) return null;
  return { id: product.id, name: product.name, category: visibleText(product.category) };
}

/** The sum of the weights of each text's events, by text id. */
export function weightsByText(interests: readonly Interest[]): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const { textId, weight } of interests)
    weights.set(textId, (weights.get(textId) ?? 0) + weight);
  return weights;
}

export type Cause = {
  readonly interest: Interest;
  /** Cosine of the interest's text and the product. */
  readonly similarity: number;
};

/** The interests that explain a product best, by weight × similarity. `vectors` is by text id. */
export function causesOf(
  product: Float32Array,
  interests: readonly Interest[],
  vectors: ReadonlyMap<string, Float32Array>,
  countMax: number,
): readonly Cause[] {
  const causes = interests.flatMap((interest): Cause[] => {
    const vector = vectors.get(interest.textId);
    return vector === undefined ? [] : [{ interest, similarity: cosine(vector, product) }];
  });
  const share = ({ interest, similarity }: Cause): number => interest.weight * similarity;
  return causes
    .filter((cause) => share(cause) > 0)
    .toSorted((a, b) => share(b) - share(a) || b.interest.timestamp - a.interest.timestamp)
    .slice(0, countMax);
}
