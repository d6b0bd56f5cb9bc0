// Recommends products to a user from what they did lately, each with the events that led to it; what was bought is left out.

import type { SearchHit, VectorStore } from '../ports.ts';
import { type Cause, causesOf, interestsOf, weightsByText } from './interests.ts';
import { tasteOf } from './taste.ts';

export type UserRequest = {
  readonly userId: string;
  /** 1…100 */
  readonly limit: number;
  readonly halfLifeMs: number;
};

export type UserRecommendation = {
  readonly hit: SearchHit;
  /** The user has met this product among the events that were looked at; such come last. */
  readonly isSeen: boolean;
  /** The strongest first. */
  readonly because: readonly Cause[];
};

export type UserRecommendations = {
  readonly items: readonly UserRecommendation[];
  /** Events of the user that were looked at. */
  readonly eventsUsed: number;
  /** Why there are no items; `null` when there are some. */
  readonly reason: 'no_events' | 'no_interest' | 'nothing_left' | null;
};

/** The newest events of a user that are looked at. */
export const eventsMax = 200;
/** The newest purchases that are left out. */
export const purchasesMax = 500;
const causesMax = 3;

/** Work: two lists of events, two reads of at most 300 vectors, one search. */
export async function recommendToUser(store: Pick<VectorStore, 'events' | 'vectors' | 'search'>, { userId, limit, halfLifeMs }: UserRequest): Promise<UserRecommendations> {
  const [events, purchases] = await Promise.all([store.events({ userId }, eventsMax), store.events({ userId, eventTypes: ['purchase'] }, purchasesMax)]);
  const none = (reason: UserRecommendations['reason']): UserRecommendations => ({ items: [], eventsUsed: events.length, reason });
  if (events.length === 0) return none('no_events');

  const interests = interestsOf(events, halfLifeMs);
  const weights = weightsByText(interests);
  const vectors = await store.vectors([...weights.keys()]);
  const taste = tasteOf([...vectors].map(([textId, vector]) => ({ vector, weight: weights.get(textId) ?? 0 })));
  if (taste === null) return none('no_interest');

  const bought = interestsOf(purchases, halfLifeMs);
  const boughtIds = new Set(bought.flatMap(({ product }) => product?.id ?? []));
  const seenIds = new Set(interests.flatMap(({ product }) => product?.id ?? []));
  const seenTexts = new Set(interests.map(({ textId }) => textId));
  // So many that the limit is met even when all that was seen, and what was bought under another text, is nearest.
  const candidates = await store.search({
    vector: taste, limit: Math.min(1_000, limit + seenTexts.size + boughtIds.size), filter: {}, exceptTextIds: [...new Set(bought.map(({ textId }) => textId))],
  });
  const open = candidates.filter(({ product }) => product === null || !boughtIds.has(product.id));
  const isSeen = ({ textId, product }: SearchHit): boolean => seenTexts.has(textId) || (product !== null && seenIds.has(product.id));
  const chosen = [...open.filter((hit) => !isSeen(hit)), ...open.filter(isSeen)].slice(0, limit);
  if (chosen.length === 0) return none('nothing_left');

  const found = await store.vectors(chosen.map(({ textId }) => textId));
  const items = chosen.map((hit): UserRecommendation => {
    const vector = found.get(hit.textId);
    return { hit, isSeen: isSeen(hit), because: vector === undefined ? [] : causesOf(vector, interests, vectors, causesMax) };
  });
  return { items, eventsUsed: events.length, reason: null };
}
