// Searches as the person types: the newest query wins, and the hits before it stay until then.

import { useEffect, useState } from 'preact/hooks';
import { systemClock } from '#core/time/clock.ts';
import { rest } from '#core/time/rest.ts';
import { VectorStreamConnectionError, type SearchResult } from '../../../client/client.ts';
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
/** From a gateway that does not answer to the next attempt. */
const askAgainMs = 3000;
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

export function useSearch(
  session: Session,
  search: SearchState,
): SearchAnswer & {
  readonly showMore: () => Promise<void>;
  /** Replaces the result by a newer answer to the same search. */
  readonly show: (newer: SearchResult) => void;
} {
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
    const { signal } = leaving;
    const ask = async (): Promise<void> => {
      for (let waitMs = delayMs; await rest(systemClock, waitMs, signal); waitMs = askAgainMs) {
        try {
          const request = requestOf(search);
          const result = await session.client.search(request, { signal });
          setAnswer({ result, request, isSearching: false, trouble: null });
          return;
        } catch (error) {
          if (signal.aborted) return;
          const trouble = session.explain(error);
          setAnswer((before) => ({ ...before, isSearching: false, trouble }));
          if (!(error instanceof VectorStreamConnectionError)) return;
        }
      }
    };
    void ask();
    return () => leaving.abort();
  }, [search, version]);

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
  const show = (newer: SearchResult): void => setAnswer({ ...answer, result: newer });
  return { ...answer, showMore, show };
}

/** A hit that moved to the next page meanwhile is there once. */
function withPage(before: SearchResult, page: SearchResult): SearchResult {
  const known = new Set(before.hits.map(({ text_id: id }) => id));
  const hits = page.hits.filter(({ text_id: id }) => !known.has(id));
  return { ...before, hits: [...before.hits, ...hits], next_cursor: page.next_cursor };
}
