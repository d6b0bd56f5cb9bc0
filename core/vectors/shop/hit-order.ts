// Orders what a search has found in another way than by relevance.

import type { SearchHit } from '#core/ports.ts';

export const hitOrders = ['relevance', 'price_asc', 'price_desc', 'newest', 'popularity'] as const;
export type HitOrder = (typeof hitOrders)[number];

type Ordered = { readonly hit: SearchHit };

/** Hits that are equal in this order stay by relevance. What has no product is last. */
export function inOrder<T extends Ordered>(hits: readonly T[], order: HitOrder): readonly T[] {
  if (order === 'relevance') return hits;
  const valueOf = valuesOf[order];
  return hits.toSorted((a, b) => valueOf(b.hit) - valueOf(a.hit));
}

/** What is higher comes first. */
const valuesOf: Readonly<Record<Exclude<HitOrder, 'relevance'>, (hit: SearchHit) => number>> = {
  price_asc: ({ product }) => -(product?.price ?? Number.MAX_VALUE),
  price_desc: ({ product }) => product?.price ?? -1,
  newest: ({ newest }) => newest?.timestamp ?? 0,
  popularity: ({ events }) => events.total,
};
