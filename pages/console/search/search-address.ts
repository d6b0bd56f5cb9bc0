// Keeps a search in the address of the page, so that it can be shared and survives a reload.

import type { EventType } from '#core/ports.ts';
import { eventTypes } from '#core/ports.ts';

export type SearchState = {
  readonly query: string;
  readonly types: readonly EventType[];
  readonly categories: readonly string[];
  /** The price as typed; '' for no bound. */
  readonly priceMin: string;
  readonly priceMax: string;
};

export function searchIn(address: string): SearchState {
  const query = new URLSearchParams(address);
  return {
    query: query.get('q') ?? '',
    types: eventTypes.filter((type) => query.getAll('type').includes(type)),
    categories: query.getAll('category'),
    priceMin: query.get('min') ?? '',
    priceMax: query.get('max') ?? '',
  };
}

/** `?q=…`; '' for a search without anything. */
export function addressOf({ query, types, categories, priceMin, priceMax }: SearchState): string {
  const address = new URLSearchParams();
  if (query !== '') address.set('q', query);
  for (const type of types) address.append('type', type);
  for (const category of categories) address.append('category', category);
  if (priceMin !== '') address.set('min', priceMin);
  if (priceMax !== '') address.set('max', priceMax);
  return address.size === 0 ? '' : `?${address.toString()}`;
}

/** What is wrong with the prices, in words; `null`: nothing. */
export function priceTrouble({ priceMin, priceMax }: SearchState): string | null {
  const [least, most] = [Number(priceMin), Number(priceMax)];
  if (Number.isNaN(least) || Number.isNaN(most)) return 'A price is a number, such as 19.90.';
  return priceMin !== '' && priceMax !== '' && least > most
    ? 'The lowest price is above the highest.'
    : null;
}

/** The filter of the API. */
export const filterOf = ({ types, categories, priceMin, priceMax }: SearchState) => ({
  ...(types.length > 0 && { event_type: [...types] }),
  ...(categories.length > 0 && { category: [...categories] }),
  ...(priceMin !== '' && { price_min: Number(priceMin) }),
  ...(priceMax !== '' && { price_max: Number(priceMax) }),
});

/** The words of the query that are in the text, as they are written in the query. */
export function sharedWords(query: string, text: string): readonly string[] {
  const words = new Set(wordsOf(text));
  return [...new Set(wordsOf(query))].filter((word) => words.has(word));
}

const wordsOf = (from: string): readonly string[] =>
  from
    .toLocaleLowerCase()
    .match(/[\p{L}\p{N}]{3,}/gu)
    ?.filter((word) => !common.has(word)) ?? [];

/** English words that say nothing about a product. */
const common: ReadonlySet<string> = new Set(
  'and are but for from has its not one our out that the this was who will with you your'.split(
    ' ',
  ),
);
