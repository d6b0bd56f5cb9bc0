// Keeps a search in the address of the page, so that it can be shared and survives a reload.

import type { EventType } from '#core/ports.ts';
import { hitOrders, type HitOrder } from '#core/vectors/shop/hit-order.ts';

export type SearchState = {
  readonly query: string;
  readonly types: readonly EventType[];
  readonly categories: readonly string[];
  /** The price as typed; '' for no bound. */
  readonly priceMin: string;
  readonly priceMax: string;
  readonly since: Since;
  readonly sort: HitOrder;
};

/** How far back events count. */
const sinces = ['', '1h', '24h', '7d'] as const;
export type Since = (typeof sinces)[number];
const sinceMs: Readonly<Record<Since, number>> = {
  '': 0,
  '1h': 3_600_000,
  '24h': 86_400_000,
  '7d': 604_800_000,
};

export function searchIn(address: string): SearchState {
  const query = new URLSearchParams(address);
  return {
    query: query.get('q') ?? '',
    // Which types there are, the gateway knows.
    types: query.getAll('type'),
    categories: query.getAll('category'),
    priceMin: query.get('min') ?? '',
    priceMax: query.get('max') ?? '',
    since: sinces.find((since) => since === query.get('since')) ?? '',
    sort: hitOrders.find((sort) => sort === query.get('sort')) ?? 'relevance',
  };
}

/** `?q=…`; '' for a search without anything. */
export function addressOf(search: SearchState): string {
  const { query, types, categories, priceMin, priceMax, since, sort } = search;
  const address = new URLSearchParams();
  if (query !== '') address.set('q', query);
  for (const type of types) address.append('type', type);
  for (const category of categories) address.append('category', category);
  if (priceMin !== '') address.set('min', priceMin);
  if (priceMax !== '') address.set('max', priceMax);
  if (since !== '') address.set('since', since);
  if (sort !== 'relevance') address.set('sort', sort);
  return address.size === 0 ? '' : `?${address.toString()}`;
}

/** `19.90` and `19,90`; NaN for what is no price, such as `1,000`, which may mean two prices. */
const priceOf = (typed: string): number =>
  Number(/^\d+,\d{1,2}$/.test(typed) ? typed.replace(',', '.') : typed);

/** What is wrong with the prices, in words; `null`: nothing. */
export function priceTrouble({ priceMin, priceMax }: SearchState): string | null {
  const [least, most] = [priceOf(priceMin), priceOf(priceMax)];
  if (!Number.isFinite(least) || !Number.isFinite(most))
    return 'A price is a number, such as 19.90 or 1000.';
  return priceMin !== '' && priceMax !== '' && least > most
    ? 'The lowest price is above the highest.'
    : null;
}

/** The filter of the API. `now`: UTC ms. */
export const filterOf = (
  { types, categories, priceMin, priceMax, since }: SearchState,
  now: number,
) => ({
  ...(types.length > 0 && { event_type: [...types] }),
  ...(categories.length > 0 && { category: [...categories] }),
  ...(priceMin !== '' && { price_min: priceOf(priceMin) }),
  ...(priceMax !== '' && { price_max: priceOf(priceMax) }),
  ...(since !== '' && { since: new Date(now - sinceMs[since]).toISOString() }),
});
