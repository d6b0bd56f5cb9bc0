// Merges what neighbouring sessions, meaning and popularity offer into one ranked list.

import type { NeighbourProduct, Product, SimilarProduct } from '#core/ports.ts';
import type { PopularProduct, ProductCounts } from './product-counts.ts';
import type { RecommenderSettings } from './recommender-settings.ts';
import type { TouchedProduct, Visitor } from './visitor.ts';

export const sources = ['sessions', 'meaning', 'popular'] as const;
export type Source = (typeof sources)[number];

export type Recommendation = {
  readonly product: Product;
  readonly textId: string;
  /** Above 0; comparable within one answer. */
  readonly score: number;
  readonly sources: readonly Source[];
  readonly isSeen: boolean;
  readonly because: {
    /** How many neighbouring sessions touched it, and which of the visitor's products led there. */
    readonly sessions: { readonly count: number; readonly ledBy: TouchedProduct } | null;
    /** Cosine to the mean of the visitor's newest texts. */
    readonly similarity: number | null;
    /** Its number of events, where popularity chose it. */
    readonly events: number | null;
  };
};

/** 1 for the most frequent product, more for rarer ones. */
export function rarityOf(
  productId: string,
  counts: ProductCounts,
  { rarity }: RecommenderSettings,
): number {
  return 1 + rarity * Math.log(Math.max(1, counts.largest) / Math.max(1, counts.of(productId)));
}

/** Candidates by neighbours first, then those that only meaning knows. */
export function candidatesOf(
  neighbours: readonly NeighbourProduct[],
  similar: readonly SimilarProduct[],
  visitor: Visitor,
  counts: ProductCounts,
  settings: RecommenderSettings,
): readonly Recommendation[] {
  const touched = new Map(visitor.touched.map((product) => [product.id, product]));
  const near = new Map<string, SimilarProduct>();
  for (const product of similar)
    if (!near.has(product.product.id)) near.set(product.product.id, product);
  const scored = neighbours.map((neighbour) => ({
    neighbour,
    score: neighbour.score * rarityOf(neighbour.productId, counts, settings),
  }));
  const most = scored.reduce((max, { score }) => Math.max(max, score), 0);
  const bySessions = scored.map(({ neighbour, score }): Recommendation => {
    const { productId, product, textId, sessions, ledBy } = neighbour;
    const similarity = near.get(productId)?.score ?? null;
    const led = touched.get(ledBy);
    return {
      product,
      textId,
      score: score / most + settings.meaningWeight * Math.max(0, similarity ?? 0),
      sources: similarity === null ? ['sessions'] : ['sessions', 'meaning'],
      isSeen: visitor.seen.has(productId),
      because: {
        sessions: led === undefined ? null : { count: sessions, ledBy: led },
        similarity,
        events: null,
      },
    };
  });
  const known = new Set(neighbours.map(({ productId }) => productId));
  const byMeaning = [...near.values()]
    .filter(({ product, score }) => !known.has(product.id) && score > 0)
    .map(({ product, textId, score }): Recommendation => ({
      product,
      textId,
      score: settings.meaningWeight * score,
      sources: ['meaning'],
      isSeen: visitor.seen.has(product.id),
      because: { sessions: null, similarity: score, events: null },
    }));
  return [
    ...bySessions.toSorted((a, b) => b.score - a.score || byId(a, b)),
    ...byMeaning.toSorted((a, b) => b.score - a.score || byId(a, b)),
  ];
}

const byId = (a: Recommendation, b: Recommendation): number =>
  a.product.id < b.product.id ? -1 : a.product.id > b.product.id ? 1 : 0;

/** Popular products in the categories that the visitor touched, then the others. */
export function popularFor(
  popular: readonly PopularProduct[],
  chosen: readonly Recommendation[],
  { touched, seen }: Visitor,
): readonly Recommendation[] {
  const known = new Set(chosen.map(({ product }) => product.id));
  const categories = new Set(touched.map(({ category }) => category));
  const isNear = ({ product: { category } }: PopularProduct): boolean =>
    category !== null && categories.has(category);
  const others = popular.filter(({ product }) => !known.has(product.id));
  return [...others.filter(isNear), ...others.filter((product) => !isNear(product))].map(
    ({ product, textId, score, events }) => ({
      product,
      textId,
      score: popularWeight * score,
      sources: ['popular'],
      isSeen: seen.has(product.id),
      because: { sessions: null, similarity: null, events },
    }),
  );
}

/** Keeps the score of a product that is only popular below those of the others. */
const popularWeight = 0.01;
