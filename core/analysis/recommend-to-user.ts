// Recommends products to a user from their latest events, each with the events that explain it.
// Products that the user has bought are left out.

import type { SearchHit, VectorStore } from '#core/ports.ts';
import { type Cause, causesOf, type Interest, interestsOf, weightsByText } from './interests.ts';
import { tasteOf } from './taste.ts';

export type UserRequest = {
  readonly userId: string;
  /** 1…100 */
  readonly limit: number;
  readonly halfLifeMs: number;
};

export type UserRecommendation = {
  readonly hit: SearchHit;
  /** Whether the product occurs in the user's events that were read. Such products come last. */
  readonly isSeen: boolean;
  /** Strongest first. */
  readonly because: readonly Cause[];
};

export type UserRecommendations = {
  readonly items: readonly UserRecommendation[];
  /** How many of the user's events were read. */
  readonly eventsUsed: number;
  /** Why there are no items; `null` when there are some. */
  readonly reason: 'no_events' | 'no_interest' | 'nothing_left' | null;
};

/** How many of a user's newest events are read. */
export const eventsMax = 200;
/** How many of a user's newest purchases are left out. */
export const purchasesMax = 500;
const causesMax = 3;
/** Extra hits to request, because bought or seen products may be found under another text. */
const otherTextsMax = 50;

/**
 * Work: two lists of events, two reads of at most 200 vectors, and one search. When that finds too
 * few products, a second search adds products that the user has seen.
 */
export async function recommendToUser(
  store: Pick<VectorStore, 'events' | 'vectors' | 'search'>,
  { userId, limit, halfLifeMs }: UserRequest,
): Promise<UserRecommendations> {
  const [events, purchases] = await Promise.all([
    store.events({ userId }, eventsMax),
    store.events({ userId, eventTypes: ['purchase'] }, purchasesMax),
  ]);
  const none = (reason: UserRecommendations['reason']): UserRecommendations => ({
    items: [],
    eventsUsed: events.length,
    reason,
  });
  if (events.length === 0) return none('no_events');

  const interests = interestsOf(events, halfLifeMs);
  const weights = weightsByText(interests);
  const vectors = await store.vectors([...weights.keys()]);
  const taste = tasteOf(
    [...vectors].map(([textId, vector]) => ({ vector, weight: weights.get(textId) ?? 0 })),
  );
  if (taste === null) return none('no_interest');

  const bought = placesOf(interestsOf(purchases, halfLifeMs));
  const seen = placesOf(interests);
  const isBought = ({ textId, product }: SearchHit): boolean =>
    bought.texts.has(textId) || (product !== null && bought.products.has(product.id));
  const isSeen = ({ textId, product }: SearchHit): boolean =>
    seen.texts.has(textId) || (product !== null && seen.products.has(product.id));
  const fresh = (
    await store.search({
      vector: taste,
      limit: limit + otherTextsMax,
      filter: {},
      exceptTextIds: [...bought.texts.union(seen.texts)],
    })
  )
    .filter((hit) => !isBought(hit) && !isSeen(hit))
    .slice(0, limit);
  const again =
    fresh.length === limit
      ? []
      : (
          await store.search({
            vector: taste,
            limit: seen.texts.size,
            filter: { textIds: [...seen.texts] },
          })
        )
          .filter((hit) => !isBought(hit))
          .slice(0, limit - fresh.length);
  const chosen = [...fresh, ...again];
  if (chosen.length === 0) return none('nothing_left');

  const found = await store.vectors(chosen.map(({ textId }) => textId));
  const items = chosen.map((hit): UserRecommendation => {
    const vector = found.get(hit.textId);
    return {
      hit,
      isSeen: isSeen(hit),
      because: vector === undefined ? [] : causesOf(vector, interests, vectors, causesMax),
    };
  });
  return { items, eventsUsed: events.length, reason: null };
}

function placesOf(interests: readonly Interest[]): {
  readonly texts: Set<string>;
  readonly products: Set<string>;
} {
  return {
    texts: new Set(interests.map(({ textId }) => textId)),
    products: new Set(interests.flatMap(({ product }) => product?.id ?? [])),
  };
}
