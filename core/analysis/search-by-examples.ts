// Finds texts that are similar to some examples and unlike others, in the same way for every store:
// one taste vector, then one search.

import type { SearchHit, SearchRequest, VectorStore } from '#core/ports.ts';
import { tasteOf } from './taste.ts';

export type RecommendRequest = Omit<SearchRequest, 'vector'> & {
  /** Text ids, 1…100. */
  readonly liked: readonly string[];
  /** Text ids, 0…100. */
  readonly disliked: readonly string[];
};

export type Recommended = {
  /** Hits without the examples themselves. Empty when the examples cancel out. */
  readonly hits: readonly SearchHit[];
  /** Examples that the store does not know. If there are any, nothing was searched. */
  readonly unknown: readonly string[];
};

export async function recommend(
  store: Pick<VectorStore, 'vectors' | 'search'>,
  { liked, disliked, ...request }: RecommendRequest,
): Promise<Recommended> {
  const examples = [...new Set([...liked, ...disliked])];
  const vectors = await store.vectors(examples);
  const unknown = examples.filter((id) => !vectors.has(id));
  if (unknown.length > 0) return { hits: [], unknown };
  // Both sides have the same weight, however many examples each has.
  const weighted = (ids: readonly string[], weight: number) =>
    ids.flatMap((id) => {
      const vector = vectors.get(id);
      return vector === undefined ? [] : [{ vector, weight: weight / ids.length }];
    });
  const vector = tasteOf([...weighted(liked, 1), ...weighted(disliked, -1)]);
  if (vector === null) return { hits: [], unknown: [] };
  return {
    hits: await store.search({
      ...request,
      vector,
      exceptTextIds: [...examples, ...(request.exceptTextIds ?? [])],
    }),
    unknown: [],
  };
}
