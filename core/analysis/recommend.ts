// Finds texts near some examples and far from others, the same way in every store: one taste
// vector, then a search.

import type { SearchHit, SearchRequest, VectorStore } from '#core/ports.ts';
import { tasteOf } from './taste.ts';

export type RecommendRequest = Omit<SearchRequest, 'vector'> & {
  /** Text ids, 1…100. */
  readonly liked: readonly string[];
  /** Text ids, 0…100. */
  readonly disliked: readonly string[];
};

export type Recommended = {
  /** None when the examples cancel out. The examples themselves are not among them. */
  readonly hits: readonly SearchHit[];
  /** Examples that the store does not know; nothing was searched then. */
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
  // Both sides weigh the same, however many examples each has.
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
