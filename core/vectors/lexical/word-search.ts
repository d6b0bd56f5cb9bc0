// Searches products by words: first by those of the query as they are, then, for words that no
// product has, by similar ones.

import type { EventFilter, OnCandidates, SearchHit, VectorStore } from '#core/ports.ts';
import { type Alternative, queryFeatures, wordQueryOf } from './word-features.ts';
import { matchOf, mistakesMax, type WordMatch } from './word-match.ts';

export type WordHit = { readonly hit: SearchHit; readonly match: WordMatch };

export type WordSearch = {
  readonly query: string;
  readonly alternatives: readonly Alternative[];
  readonly filter: EventFilter;
  /** 1…1000 */
  readonly limit: number;
  readonly onCandidates?: OnCandidates;
};

/** This many hits show whether products have a word of the query. */
const lookedAtMin = 20;

/** Hits by descending score; each has a word of the query, or one that is similar. */
export async function searchByWords(
  store: Pick<VectorStore, 'searchWords'>,
  { query: text, alternatives, filter, limit, onCandidates }: WordSearch,
): Promise<readonly WordHit[]> {
  const query = wordQueryOf(text, alternatives);
  if (query.words.length === 0) return [];
  const find = async (misspelt: readonly string[]): Promise<readonly WordHit[]> => {
    const features = queryFeatures(query, misspelt);
    const hits = await store.searchWords(
      { features, filter, limit: Math.max(limit, lookedAtMin) },
      onCandidates,
    );
    return hits.flatMap((hit) =>
      hit.product === null ? [] : [{ hit, match: matchOf(query, hit.product, hit.brands) }],
    );
  };
  const found = await find([]);
  const misspelt = query.words.filter(
    (word) => mistakesMax(word) > 0 && !found.some(({ match }) => match.exact.has(word)),
  );
  const all = misspelt.length === 0 ? found : await find(misspelt);
  return all.filter(({ match }) => match.share > 0).slice(0, limit);
}
