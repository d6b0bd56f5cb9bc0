// Orders what a search has found in another way than by relevance.

import type { SearchHit } from '#core/ports.ts';

export const hitOrders = ['relevance', 'price_asc', 'price_desc', 'newest', 'popularity'] as const;
export type HitOrder = (typeof hitOrders)[number];

type Ordered = { readonly hit: SearchHit };

/**
 * Hits that are equal in this order stay by relevance. What has no product is last.
 *
 * @param popularityOf the number of events by which the most popular come first
 */
export function inOrder<T extends Ordered>(
  hits: readonly T[],
  order: HitOrder,
  popularityOf: (hit: SearchHit) => number,
): readonly T[] {
  if (order === 'relevance') return hits;
  const valueOf = order === 'popularity' ? popularityOf : valuesOf[order];
  return hits.toSorted((a, b) => valueOf(b.hit) - valueOf(a.hit));
}

/** What is higher comes first. */
const valuesOf: Readonly<
  Record<Exclude<HitOrder, 'relevance' | 'popularity'>, (hit: SearchHit) => number>
> = {
  price_asc: ({ product }) => -(product?.price ?? Number.MAX_VALUE),
  price_desc: ({ product }) => product?.price ?? -1,
  newest: ({ newest }) => newest?.timestamp ?? 0,
};
