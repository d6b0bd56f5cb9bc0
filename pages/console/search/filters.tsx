// What narrows a search: the types of events, categories and prices with their counts, a time, and
// the order of the hits.

import { useEffect, useState } from 'preact/hooks';
import type { HitOrder } from '#core/vectors/shop/hit-order.ts';
import type { SearchResult } from '../../../client/client.ts';
import { Choice, Choices } from '../../shared/components.tsx';
import { formatCount, formatPrice } from '../../shared/format.ts';
import { eventTypeName } from '../event-words.ts';
import { addressOf, type SearchState, type Since } from './search-address.ts';

const categoriesMax = 8;
const times: readonly (readonly [Since, string])[] = [
  ['', 'Any time'],
  ['1h', 'Last hour'],
  ['24h', 'Last day'],
  ['7d', 'Last week'],
];
const orders: readonly (readonly [HitOrder, string])[] = [
  ['relevance', 'Best match'],
  ['price_asc', 'Cheapest'],
  ['price_desc', 'Dearest'],
  ['newest', 'Newest'],
  ['popularity', 'Most popular'],
];

type FilterProps = {
  readonly search: SearchState;
  /** Types that events may have. */
  readonly eventTypes: readonly string[];
  readonly result: SearchResult | null;
  readonly onChange: (changes: Partial<SearchState>) => void;
};

/** As in console.css. On a phone, the filters alone would fill the screen. */
const hasRoom = (): boolean => matchMedia('(min-width: 44rem)').matches;

export function Filters({ search, eventTypes, result, onChange }: FilterProps) {
  const [isOpen] = useState(() => hasRoom() || addressOf({ ...search, query: '' }) !== '');
  return (
    <details class="filters" open={isOpen}>
      <summary>Filters and order</summary>
      <div class="filter-rows">
        <Choices
          label="Type of event"
          options={[...new Set([...eventTypes, ...search.types])].map(
            (type) => [type, eventTypeName(type)] as const,
          )}
          chosen={search.types}
          onChange={(types) => onChange({ types })}
        />
        <Categories {...{ search, result, onChange }} />
        <Prices {...{ search, result, onChange }} />
        <div class="filter-row">
          <Choice
            label="Time of the events"
            name="since"
            options={times}
            value={search.since}
            onChange={(since) => onChange({ since })}
          />
          <Choice
            label="Order of the hits"
            name="sort"
            options={orders}
            value={search.sort}
            onChange={(sort) => onChange({ sort })}
          />
        </div>
      </div>
    </details>
  );
}

function Categories({ search: { categories }, result, onChange }: Omit<FilterProps, 'eventTypes'>) {
  const [known, setKnown] = useState<ReadonlyMap<string, number>>(new Map());
  useEffect(() => {
    // An answer for some categories has no others to choose from.
    const found = result?.facets?.category;
    if (categories.length > 0 || found === undefined) return;
    setKnown(new Map(found.slice(0, categoriesMax).map(({ value, count }) => [value, count])));
  }, [result]);
  const shown = [...new Set([...known.keys(), ...categories])];
  if (shown.length === 0) return null;
  return (
    <Choices
      label="Category"
      options={shown.map(
        (category) => [category, withCount(category, known.get(category))] as const,
      )}
      chosen={categories}
      onChange={(chosen) => onChange({ categories: chosen })}
    />
  );
}

function Prices({
  search: { priceMin, priceMax },
  result,
  onChange,
}: Omit<FilterProps, 'eventTypes'>) {
  const steps = result?.facets?.price ?? [];
  const isOpen = priceMin === '' && priceMax === '';
  return (
    <fieldset class="choices">
      <legend>Price</legend>
      <input
        aria-label="Lowest price"
        inputMode="decimal"
        placeholder="from"
        value={priceMin}
        onInput={(event) => onChange({ priceMin: event.currentTarget.value.trim() })}
      />
      <input
        aria-label="Highest price"
        inputMode="decimal"
        placeholder="to"
        value={priceMax}
        onInput={(event) => onChange({ priceMax: event.currentTarget.value.trim() })}
      />
      {!isOpen && (
        <button class="chip" type="button" onClick={() => onChange({ priceMin: '', priceMax: '' })}>
          Any price
        </button>
      )}
      {isOpen &&
        steps.length > 1 &&
        steps.map(({ min, max, count }) => (
          <button
            key={min}
            class="chip"
            type="button"
            onClick={() => onChange({ priceMin: String(min), priceMax: String(max) })}
          >
            {withCount(
              min === max ? priceText(min) : `${priceText(min)} to ${priceText(max)}`,
              count,
            )}
          </button>
        ))}
    </fieldset>
  );
}

/** `9`, `10.50` */
const priceText = (price: number): string =>
  Number.isInteger(price) ? formatCount(price) : formatPrice(price);

const withCount = (text: string, count: number | undefined): string =>
  count === undefined ? text : `${text} (${formatCount(count)})`;
