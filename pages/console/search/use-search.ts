// Searches as the person types: the newest query wins, and the hits before it stay until then.

import { useEffect, useState } from 'preact/hooks';
import { VectorStreamApiError, type SearchResult } from '../../../client/client.ts';
import { useStore } from '../../shared/observable-store.ts';
import type { Session } from '../session.ts';
import { filterOf, priceTrouble, type SearchState } from './search-address.ts';

export type SearchAnswer = {
  readonly result: SearchResult | null;
  /** The query of the result. */
  readonly query: string;
  readonly isSearching: boolean;
  /** What went wrong, in words. */
  readonly trouble: string | null;
};

/** The wait from the last keystroke to the search. */
const delayMs = 150;
const hitsMax = 20;
const nothing: SearchAnswer = { result: null, query: '', isSearching: false, trouble: null };

/** @param again a new value repeats the same search */
export function useSearch(session: Session, search: SearchState, again: number): SearchAnswer {
  const { version } = useStore(session.store);
  const [answer, setAnswer] = useState<SearchAnswer>(nothing);
  useEffect(() => {
    const query = search.query.trim();
    if (query === '') {
      setAnswer(nothing);
      return undefined;
    }
    const wrong = priceTrouble(search);
    if (wrong !== null) {
      setAnswer((before) => ({ ...before, trouble: wrong }));
      return undefined;
    }
    const leaving = new AbortController();
    setAnswer((before) => ({ ...before, isSearching: true }));
    const ask = async (): Promise<void> => {
      try {
        const request = { query, limit: hitsMax, filter: filterOf(search) };
        const result = await session.client.search(request, { signal: leaving.signal });
        setAnswer({ result, query, isSearching: false, trouble: null });
      } catch (error) {
        if (leaving.signal.aborted) return;
        const trouble = troubleOf(error) ?? session.explain(error);
        setAnswer((before) => ({ ...before, isSearching: false, trouble }));
      }
    };
    const timer = setTimeout(() => void ask(), delayMs);
    return () => {
      clearTimeout(timer);
      leaving.abort();
    };
  }, [search, version, again]);
  return answer;
}

const troubleOf = (error: unknown): string | null =>
  error instanceof VectorStreamApiError && error.status === 503
    ? `No runner can read this query now: ${error.detail} What was searched before still works.`
    : null;
