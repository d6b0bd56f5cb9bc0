// Finds what visitors search for and the shop does not have: clusters of queries without a similar
// product.

import type { SearchHit, VectorStore } from '#core/ports.ts';
import { clustersOf } from './clusters.ts';
import type { Span } from './trends.ts';

/** How many of the window's most frequent queries are checked. */
export const queriesMax = 100;
/** A query that is at least this similar to a cluster's leader joins the cluster. */
export const clusterSimilarityMin = 0.55;
/** How many queries of a cluster are returned. */
const examplesMax = 5;

export type DemandRequest = {
  readonly window: Span;
  /** A query whose nearest product is less similar has no match. */
  readonly matchMin: number;
  /** Clusters, 1…100. */
  readonly limit: number;
  /** The fewest searches of a cluster. */
  readonly countMin: number;
};

export type Query = {
  readonly textId: string;
  readonly text: string;
  /** How often it was searched for in the window. */
  readonly count: number;
  /** `null` when the store has no product. */
  readonly nearest: Pick<SearchHit, 'score' | 'textId' | 'product'> | null;
};

export type UnmetDemand = {
  /** How many searches the cluster's queries had in the window. */
  readonly count: number;
  readonly queryCount: number;
  /** Most frequent first. The first one names the cluster. */
  readonly queries: readonly Query[];
};

/** The product nearest to a query. Calls do not overlap, and the result may be cached. */
export type NearestProduct = (query: {
  readonly textId: string;
  readonly vector: Float32Array;
}) => Promise<SearchHit | null>;

export const nearestProductIn =
  (store: Pick<VectorStore, 'search'>): NearestProduct =>
  async ({ vector }) => {
    const [nearest = null] = await store.search({
      vector,
      limit: 1,
      filter: {},
      lowPriority: true,
    });
    return nearest;
  };

/**
 * Work: one count, one read of 100 texts and their vectors, and `nearestProduct` for up to 100
 * queries.
 */
export async function findUnmetDemand(
  store: Pick<VectorStore, 'countsBy' | 'texts' | 'vectors'>,
  nearestProduct: NearestProduct,
  { window, matchMin, limit, countMin }: DemandRequest,
): Promise<readonly UnmetDemand[]> {
  const counts = await store.countsBy({
    by: 'textId',
    filter: { ...window, eventTypes: ['search'] },
    limit: queriesMax,
  });
  const ids = counts.map(({ value }) => value);
  const [texts, vectors] = await Promise.all([store.texts(ids), store.vectors(ids)]);

  const unmatched: (Query & { readonly vector: Float32Array })[] = [];
  for (const { value: textId, count } of counts) {
    const text = texts.get(textId),
      vector = vectors.get(textId);
    if (text?.kind !== 'query' || vector === undefined) continue;
    const nearest = await nearestProduct({ textId, vector });
    if (nearest === null || nearest.score < matchMin)
      unmatched.push({ textId, text: text.text, count, nearest, vector });
  }

  return clustersOf(unmatched, clusterSimilarityMin)
    .map(({ members }): UnmetDemand => ({
      count: members.reduce((total, { count }) => total + count, 0),
      queryCount: members.length,
      queries: members.slice(0, examplesMax).map(({ vector: _vector, ...query }) => query),
    }))
    .filter(({ count }) => count >= countMin)
    .toSorted((a, b) => b.count - a.count)
    .slice(0, limit);
}
