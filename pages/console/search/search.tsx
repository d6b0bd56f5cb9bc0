// Search: the live index by words and meaning, as you type, with filters and the reason of a hit.

import { useEffect, useState } from 'preact/hooks';
import { eventTypes as ownEventTypes } from '#core/ports.ts';
import type { SearchResult, Stats } from '../../../client/client.ts';
import { Empty, Notice } from '../../shared/components.tsx';
import { formatCount } from '../../shared/format.ts';
import { latencyText } from '../rates.ts';
import type { Session } from '../session.ts';
import { useFeed, useOnce } from '../use-gateway.ts';
import { Filters } from './filters.tsx';
import { HitRow } from './hit-row.tsx';
import { newHits, withNewest } from './live-hits.ts';
import { addressOf, searchIn, type SearchState } from './search-address.ts';
import { useNewer } from './use-newer.ts';
import { usePictureOrigins } from './use-picture-origins.ts';
import { useSearch, type SearchAnswer } from './use-search.ts';
import { fallbackText } from './why-matched.ts';

const examples = [
  'gift for a child who likes music',
  'warm coat for the mountains',
  'something to make coffee with',
];

export function Search({ session }: { readonly session: Session }) {
  const [search, setSearch] = useState<SearchState>(() => searchIn(location.search));
  const [stats, setStats] = useState<Stats | null>(null);
  const answer = useSearch(session, search);
  useFeed(session, ['stats'], (message) => {
    if (message.type === 'stats') setStats(message.data);
  });
  useEffect(() => {
    history.replaceState(null, '', location.pathname + addressOf(search));
  }, [search]);
  const about = useOnce(session, (signal) => session.client.about({ signal }));
  const pictureOrigins = usePictureOrigins(session, answer.result);
  const newer = useNewer(session, answer, stats?.store?.events ?? null);
  const change = (changes: Partial<SearchState>): void => setSearch({ ...search, ...changes });

  return (
    <div class="stack">
      <form class="search-form" role="search" onSubmit={(event) => event.preventDefault()}>
        <h1>
          <label for="query">Search the stream</label>
        </h1>
        <input
          id="query"
          type="search"
          autocomplete="off"
          placeholder="Describe what you look for, in your own words"
          value={search.query}
          onInput={(event) => change({ query: event.currentTarget.value })}
        />
        <Filters
          search={search}
          eventTypes={about?.event_types ?? ownEventTypes}
          result={answer.result}
          onChange={change}
        />
      </form>
      {answer.trouble !== null && <Notice tone="bad">{answer.trouble}</Notice>}
      {search.query.trim() === '' ? (
        <Empty title="What are you looking for?">
          <p>
            Hits need not share a word with what you type. The model that comes with VectorStream
            knows English; in other languages, products are found by their words.
          </p>
          <p>Try one of these:</p>
          <p class="actions">
            {examples.map((query) => (
              <button class="chip" type="button" key={query} onClick={() => change({ query })}>
                {query}
              </button>
            ))}
          </p>
        </Empty>
      ) : (
        <Results
          session={session}
          answer={answer}
          newer={newer}
          pictureOrigins={pictureOrigins}
          onNewer={answer.show}
          onMore={() => void answer.showMore()}
        />
      )}
    </div>
  );
}

function Results({
  session,
  answer: { result, request, isSearching },
  newer,
  pictureOrigins,
  onNewer,
  onMore,
}: {
  readonly session: Session;
  readonly answer: SearchAnswer;
  readonly newer: SearchResult | null;
  readonly pictureOrigins: readonly string[];
  readonly onNewer: (newer: SearchResult) => void;
  readonly onMore: () => void;
}) {
  if (result === null)
    return isSearching ? (
      <p class="quiet" role="status">
        Searching…
      </p>
    ) : null;
  const { hits } = newer === null ? result : withNewest(result, newer);
  const added = newer === null ? 0 : newHits(result, newer);
  const { took_ms: tookMs, next_cursor: next, fallback_reason: fallback } = result;
  return (
    <section aria-label="Hits" aria-busy={isSearching} class="results">
      <p class="results-head quiet">
        <span role="status">
          {countText(hits.length, next !== null)} in {latencyText(tookMs)}
        </span>
        {newer !== null && added > 0 && (
          <button
            class="chip"
            type="button"
            aria-label={`${added} new hits: show them`}
            onClick={() => onNewer(newer)}
          >
            {formatCount(added)} new
          </button>
        )}
      </p>
      {fallback !== undefined && <Notice tone="warn">{fallbackText(fallback)}</Notice>}
      {hits.length === 0 ? (
        <Empty title="Nothing matches.">
          <p>Take a filter away, or search for something else.</p>
        </Empty>
      ) : (
        <ol class="hits">
          {hits.map((hit) => (
            <HitRow
              key={hit.text_id}
              session={session}
              hit={hit}
              query={request.query}
              pictureOrigins={pictureOrigins}
            />
          ))}
        </ol>
      )}
      {next !== null && (
        <p class="actions more">
          <button class="button" type="button" disabled={isSearching} onClick={onMore}>
            Show more
          </button>
        </p>
      )}
    </section>
  );
}

function countText(count: number, isCut: boolean): string {
  if (isCut) return `The first ${formatCount(count)} hits`;
  return count === 1 ? 'One hit' : `${formatCount(count)} hits`;
}
