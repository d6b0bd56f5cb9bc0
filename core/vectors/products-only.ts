// Tells what a filter on events says about products.

import type { CatalogueProduct, CatalogueWrite, EventFilter, Product } from '#core/ports.ts';

/** The filter without the type `search`, so that a search finds no query. */
export function productsOnly(filter: EventFilter): EventFilter {
  const { eventTypes } = filter;
  if (eventTypes?.includes('search') !== true) return filter;
  return { ...filter, eventTypes: eventTypes.filter((type) => type !== 'search') };
}

/** Whether the filter chooses events by their product alone, and not by visitor, type or time. */
export function isAboutProducts(filter: EventFilter): boolean {
  const { eventTypes, userId, sessionId, since, until } = filter;
  return [eventTypes, userId, sessionId, since, until].every((bound) => bound === undefined);
}

/** Whether a product meets the filter's conditions on products. */
export function isProductIn(
  { id, category, price }: Product,
  { productId, categories, priceMin = -Infinity, priceMax = Infinity }: EventFilter,
): boolean {
  return (
    (productId === undefined || id === productId) &&
    (categories === undefined || (category !== null && categories.includes(category))) &&
    price >= priceMin &&
    price <= priceMax
  );
}

export const hasBrand = (product: CatalogueProduct | null, brands: readonly string[]): boolean =>
  product !== null && product.brand !== null && brands.includes(product.brand);

/** Whether a search with this filter finds a product of the catalogue, even without any event. */
export function isListedIn(
  { product, textId }: Pick<CatalogueWrite, 'product' | 'textId'>,
  filter: EventFilter,
): boolean {
  if (product === null || textId === null || !isAboutProducts(filter)) return false;
  return isProductIn(product, filter) && (filter.textIds?.includes(textId) ?? true);
}
