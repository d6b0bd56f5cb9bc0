// Shows the search: the query field with examples, and the products nearest to the query.

import { formatScore } from './format-figures.ts';
import { sampleQueries } from './sample-list.ts';
import { queryCharsMax, type Workbench } from './workbench.ts';

export type SearchPanelProps = {
  readonly bench: Workbench;
  readonly query: string;
  readonly onQuery: (query: string) => void;
  readonly active: number | null;
  readonly onActive: (index: number | null) => void;
};

export function SearchField({ query, onQuery }: Pick<SearchPanelProps, 'query' | 'onQuery'>) {
  return (
    <search class="search">
      <label for="query">Search by meaning</label>
      <input
        id="query"
        type="search"
        value={query}
        maxLength={queryCharsMax}
        placeholder="What are you looking for?"
        autocomplete="off"
        enterKeyHint="search"
        onInput={({ currentTarget }) => onQuery(currentTarget.value)}
      />
      <p class="chips" aria-label="Examples">
        {sampleQueries.map((example) => (
          <button
            key={example}
            type="button"
            class="chip"
            aria-pressed={example === query}
            onClick={() => onQuery(example)}
          >
            {example}
          </button>
        ))}
      </p>
    </search>
  );
}

export function Results({ bench, query, active, onActive }: Omit<SearchPanelProps, 'onQuery'>) {
  const { hits, products, phase } = bench;
  const isWaiting = query.trim() !== '' && hits.length === 0;
  const best = hits[0] && products[hits[0].index];
  return (
    <section class="results" aria-label="Results" data-query={hits.length > 0 ? bench.query : null}>
      <p class="visually-hidden" role="status">
        {best !== undefined && bench.query !== '' && `Nearest to ${bench.query}: ${best.name}`}
      </p>
      {hits.length === 0 && (
        <p class="empty">
          {isWaiting && phase === 'loading'
            ? 'The model is loading; your search comes next.'
            : isWaiting && phase !== 'idle'
              ? 'Searching…'
              : 'The products nearest in meaning appear here, whatever their words.'}
        </p>
      )}
      <ol>
        {hits.map(({ index, score }) => {
          const product = products[index];
          return (
            product && (
              <li
                key={product.text}
                class={index === active ? 'hit is-active' : 'hit'}
                onPointerEnter={() => onActive(index)}
                onPointerLeave={() => onActive(null)}
              >
                <span class="hit-score">
                  <data value={score}>{formatScore(score)}</data>
                  <meter min={0} max={1} value={Math.max(0, score)} aria-hidden="true" />
                </span>
                <span class="hit-text" dir="auto">
                  <strong>{product.name}</strong>
                  {product.category !== null && <span class="quiet"> {product.category}</span>}
                  {product.description !== null && (
                    <span class="hit-description">{product.description}</span>
                  )}
                </span>
              </li>
            )
          );
        })}
      </ol>
    </section>
  );
}
