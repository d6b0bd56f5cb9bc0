// Finds what people search for and the shop does not have: clusters of queries whose nearest
// product is far away.

import type { SearchHit, VectorStore } from '#core/ports.ts';
import { clustersOf } from './clusters.ts';
import type { Span } from './trends.ts';

/** The most frequent queries of the window that are looked at. */
export const queriesMax = 100;
/** Queries at least as near to a cluster's leader belong to it. */
export const clusterSimilarityMin = 0.55;
/** Queries of a cluster that are told. */
const examplesMax = 5;

export type DemandRequest = {
  readonly window: Span;
  /** A query whose nearest product is less similar has no match. */
  readonly matchMin: number;
  /** Clusters, 1…100. */
  readonly limit: number;
  /** Searches that a cluster needs. */
  readonly countMin: number;
};

export type Query = {
  readonly textId: string;
  readonly text: string;
  /** Searches for it in the window. */
  readonly count: number;
  /** `null` when there is no product at all. */
  readonly nearest: Pick<SearchHit, 'score' | 'textId' | 'product'> | null;
};

export type UnmetDemand = {
  /** Searches in the window, by all of the cluster's queries. */
  readonly count: number;
  readonly queryCount: number;
  /** The most frequent first; the first gives the cluster its name. */
  readonly queries: readonly Query[];
};

/** The product nearest to a query. Asked for one query after the other; may remember what it found. */
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
 * Work: one count, one read of 100 texts and of their vectors, and `nearestProduct` for up to 100
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
