// Products that sessions connect with one product: bought together, viewed together, or touched
// next.

import { type EventTypes, ownEventTypes } from '#core/event/event-types.ts';
import {
  type EventType,
  type Product,
  type NeighbourProduct,
  type VectorStore,
} from '#core/ports.ts';
import type { Popularity } from './product-counts.ts';
import { logLikelihoodRatio } from './rising.ts';

export const relatedKinds = ['bought_together', 'viewed_together', 'next'] as const;
export type RelatedKind = (typeof relatedKinds)[number];

export type RelatedProduct = {
  readonly product: Product;
  readonly textId: string;
  /** The number of these sessions that touched it. */
  readonly count: number;
  /** How many times as large its share of the touches in these sessions is as its share of all. */
  readonly lift: number;
  /** Log-likelihood ratio G²: the higher it is, the less likely is chance. */
  readonly score: number;
};

export type Related = {
  /** Products that are connected by more than chance, strongest first. */
  readonly items: readonly RelatedProduct[];
  /** How many of the newest sessions with the product were read. */
  readonly sessions: number;
};

/** A connection in a single session says nothing. */
const countMin = 2;
const sessionsMax = 500;
const neighboursMax = 500;

const typesOf = ({
  places,
  touches,
}: EventTypes): Readonly<Record<RelatedKind, readonly EventType[]>> => ({
  bought_together: places.purchase,
  viewed_together: places.view,
  next: touches,
});

/**
 * Compares the product's sessions with all events of the same types:
 *
 *     lift = (count / touches in these sessions) / (events about it / all events)
 *
 * and orders by the log-likelihood ratio of these four numbers (Dunning, 1993), which small counts
 * do not mislead.
 */
export async function relatedProducts(
  store: Pick<VectorStore, 'sessionNeighbours'>,
  popularity: Pick<Popularity, 'counts'>,
  {
    productId,
    kind,
    limit,
  }: { readonly productId: string; readonly kind: RelatedKind; readonly limit: number },
  eventTypes: EventTypes = ownEventTypes,
): Promise<Related> {
  const types = typesOf(eventTypes)[kind];
  const [{ items, sessions, touches }, counts] = await Promise.all([
    store.sessionNeighbours({
      touched: [{ productId, weight: 1 }],
      filter: {},
      touchTypes: types,
      onlyLater: kind === 'next',
      exceptSessionIds: [],
      limit: neighboursMax,
      touchesPerProduct: 1_000,
      sessionsMax,
      touchesPerSession: 100,
      fadingShare: 0,
      halfLifeMs: 1,
    }),
    popularity.counts(types),
  ]);
  const related = ({ product, textId, sessions: count }: NeighbourProduct): RelatedProduct => {
    // The cached count may be older than the sessions.
    const elsewhere = Math.max(0, counts.of(product.id) - count);
    const others = Math.max(elsewhere, counts.total - touches);
    const share = (elsewhere + count) / (others + touches);
    return {
      product,
      textId,
      count,
      lift: count / touches / share,
      score: logLikelihoodRatio({ count, before: elsewhere }, { count: touches, before: others }),
    };
  };
  return {
    sessions,
    items: items
      .filter(({ productId: id, sessions: count }) => id !== productId && count >= countMin)
      .map(related)
      .filter(({ lift }) => lift > 1)
      .toSorted((a, b) => b.score - a.score || (a.product.id < b.product.id ? -1 : 1))
      .slice(0, limit),
  };
}
