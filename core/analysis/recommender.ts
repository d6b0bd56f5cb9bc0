// Recommends products to a visitor: what neighbouring sessions touched, then what is near in
// meaning, then what is popular. A share of the places is kept for products with few events, which
// behaviour cannot know yet.

import { type EventTypes, ownEventTypes } from '#core/event/event-types.ts';
import {
  type EventFilter,
  type EventType,
  type NeighbourProduct,
  type VectorStore,
} from '#core/ports.ts';
import { diversified } from './diversity.ts';
import { newSimilarOf, withNewProducts } from './new-products.ts';
import type { Popularity, ProductCounts } from './product-counts.ts';
import {
  candidatesOf,
  popularFor,
  rarityOf,
  type Recommendation,
} from './recommendation-scores.ts';
import type { RecommenderSettings } from './recommender-settings.ts';
import { similarOf } from './similar-to-visitor.ts';
import { readVisitor, type Visitor, type VisitorRef } from './visitor.ts';

export type RecommendationRequest = {
  readonly visitor: VisitorRef;
  /** 1…100 */
  readonly limit: number;
  readonly filter: EventFilter;
  readonly exceptProductIds: readonly string[];
  /** 0…1: how far similar products make place for others. */
  readonly diversity: number;
  /** The age at which one of the visitor's own events counts half. */
  readonly interestHalfLifeMs: number;
  /** A product that fewer similar sessions touched is not recommended for their sake. */
  readonly sessionsMin: number;
};

export const reasons = ['no_events', 'no_interest', 'nothing_left'] as const;

export type Recommendations = {
  readonly items: readonly Recommendation[];
  readonly visitor: Visitor;
  /** Why the visitor's behaviour decided nothing, or why nothing is left; `null` otherwise. */
  readonly reason: (typeof reasons)[number] | null;
};

export type RecommenderStore = Pick<
  VectorStore,
  | 'events'
  | 'newestOfProducts'
  | 'sessionNeighbours'
  | 'similarProducts'
  | 'countsBy'
  | 'texts'
  | 'vectors'
>;

export type Recommender = (request: RecommendationRequest) => Promise<Recommendations>;

const neighboursMax = 200;
const similarMax = 200;
/** Diversity chooses from this many candidates for each place in the answer. */
const diversityPool = 4;

/** @param settings read at every request, because they may change */
export function createRecommender(
  store: RecommenderStore,
  popularity: Popularity,
  settings: () => RecommenderSettings,
  types: EventTypes = ownEventTypes,
): Recommender {
  const { touches } = types;
  return async (request) => {
    const current = settings();
    const [visitor, counts] = await Promise.all([
      readVisitor(store, request.visitor, request.interestHalfLifeMs, types),
      popularity.counts(touches),
    ]);
    const [neighbours, similar, newest] = await Promise.all([
      neighboursOf(store, visitor, request, counts, { ...current, touches }),
      similarOf(store, visitor, request.filter, similarMax),
      newSimilarOf(store, popularity, visitor, request.filter, touches, current),
    ]);
    const near = [...similar, ...newest];
    const found = candidatesOf(neighbours, near, visitor, counts, current);
    const newIds = new Set(newest.map(({ product }) => product.id));
    const isAllowed = allowedIn(visitor, request);
    // A session may come back to what it saw; to a user, new products are shown first.
    const isUser = 'userId' in request.visitor;
    const allowed = found.filter(isAllowed);
    const fresh = isUser ? allowed.filter(({ isSeen }) => !isSeen) : allowed;
    const ranked =
      request.diversity === 0
        ? fresh
        : await diversified(
            store,
            fresh.slice(0, diversityPool * request.limit),
            request.diversity,
          );
    const chosen = withNewProducts(ranked, request.limit, counts, newIds, current);
    const popular = chosen.length === request.limit ? [] : await popularity.popular(request.filter);
    const again = isUser ? allowed.filter(({ isSeen }) => isSeen) : [];
    const others = popularFor(popular, [...chosen, ...again], visitor).filter(isAllowed);
    const items = [...chosen, ...others, ...again];
    if (isUser) items.sort((a, b) => Number(a.isSeen) - Number(b.isSeen));
    return {
      items: items.slice(0, request.limit),
      visitor,
      reason: reasonOf(visitor, items.length),
    };
  };
}

async function neighboursOf(
  store: RecommenderStore,
  { touched, sessionIds }: Visitor,
  { filter, sessionsMin }: RecommendationRequest,
  counts: ProductCounts,
  settings: RecommenderSettings & { readonly touches: readonly EventType[] },
): Promise<readonly NeighbourProduct[]> {
  const newest = touched.slice(0, settings.productsMax);
  if (newest.length === 0) return [];
  const { items } = await store.sessionNeighbours({
    touched: newest.map(({ id }, place) => ({
      productId: id,
      weight: Math.max(placeWeightMin, 1 - place / newest.length) * rarityOf(id, counts, settings),
    })),
    filter,
    touchTypes: settings.touches,
    onlyLater: false,
    exceptSessionIds: sessionIds,
    limit: neighboursMax,
    touchesPerProduct: settings.touchesPerProduct,
    sessionsMax: settings.sessionsMax,
    touchesPerSession: settings.touchesPerSession,
    fadingShare: settings.fadingShare,
    halfLifeMs: settings.halfLifeMs,
  });
  return items.filter(({ sessions }) => sessions >= sessionsMin);
}

/** The oldest product of a visit still counts. */
const placeWeightMin = 0.1;

function allowedIn(
  { owned }: Visitor,
  { exceptProductIds }: RecommendationRequest,
): (item: Recommendation) => boolean {
  const except = new Set(exceptProductIds);
  return ({ product }) => !owned.has(product.id) && !except.has(product.id);
}

function reasonOf(visitor: Visitor, count: number): Recommendations['reason'] {
  if (visitor.eventsUsed === 0) return 'no_events';
  if (visitor.textIds.length === 0) return 'no_interest';
  return count === 0 ? 'nothing_left' : null;
}
