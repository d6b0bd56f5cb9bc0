// Searches as the person types: the newest query wins, and the hits before it stay until then.

import { useEffect, useState } from 'preact/hooks';
import type { SearchResult } from '../../../client/client.ts';
import { useStore } from '../../shared/observable-store.ts';
import type { Session } from '../session.ts';
import { filterOf, priceTrouble, type SearchState } from './search-address.ts';

export type SearchAnswer = {
  /** With the hits of all pages so far. */
  readonly result: SearchResult | null;
  /** What the result answers. */
  readonly request: Asked;
  readonly isSearching: boolean;
  /** What went wrong, in words. */
  readonly trouble: string | null;
};

type Asked = ReturnType<typeof requestOf>;

/** The wait from the last keystroke to the search. */
const delayMs = 150;
const hitsMax = 20;
const facetNames: ('category' | 'price')[] = ['category', 'price'];

const requestOf = (search: SearchState) => ({
  query: search.query.trim(),
  limit: hitsMax,
  filter: filterOf(search, Date.now()),
  facets: facetNames,
  ...(search.sort !== 'relevance' && { sort: search.sort }),
});

const nothing: SearchAnswer = {
  result: null,
  request: { query: '', limit: hitsMax, filter: {}, facets: facetNames },
  isSearching: false,
  trouble: null,
};

/** @param again a new value repeats the same search */
export function useSearch(
  session: Session,
  search: SearchState,
  again: number,
): SearchAnswer & { readonly showMore: () => Promise<void> } {
  const { version } = useStore(session.store);
  const [answer, setAnswer] = useState<SearchAnswer>(nothing);
  useEffect(() => {
    if (search.query.trim() === '') {
      setAnswer(nothing);
      return undefined;
    }
    const wrong = priceTrouble(search);
    if (wrong !== null) {
      setAnswer((before) => ({ ...before, isSearching: false, trouble: wrong }));
      return undefined;
    }
    const leaving = new AbortController();
    setAnswer((before) => ({ ...before, isSearching: true }));
    const ask = async (): Promise<void> => {
      try {
        const request = requestOf(search);
        const result = await session.client.search(request, { signal: leaving.signal });
        setAnswer({ result, request, isSearching: false, trouble: null });
      } catch (error) {
        if (leaving.signal.aborted) return;
        const trouble = session.explain(error);
        setAnswer((before) => ({ ...before, isSearching: false, trouble }));
      }
    };
    const timer = setTimeout(() => void ask(), delayMs);
    return () => {
      clearTimeout(timer);
      leaving.abort();
    };
  }, [search, version, again]);

  const showMore = async (): Promise<void> => {
    const { result, request } = answer;
    const cursor = result?.next_cursor ?? null;
    if (result === null || cursor === null) return;
    // By then, the person may have searched for something else.
    const update = (changes: Partial<SearchAnswer>): void =>
      setAnswer((before) => (before.result === result ? { ...before, ...changes } : before));
    update({ isSearching: true });
    try {
      const page = await session.client.search({ ...request, cursor });
      update({ result: withPage(result, page), isSearching: false, trouble: null });
    } catch (error) {
      update({ isSearching: false, trouble: session.explain(error) });
    }
  };
  return { ...answer, showMore };
}

/** A hit that moved to the next page meanwhile is there once. */
function withPage(before: SearchResult, page: SearchResult): SearchResult {
  const known = new Set(before.hits.map(({ text_id: id }) => id));
  const hits = page.hits.filter(({ text_id: id }) => !known.has(id));
  return { ...before, hits: [...before.hits, ...hits], next_cursor: page.next_cursor };
}
