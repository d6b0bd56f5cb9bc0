// Shows what was found as the catalogue describes it now.

import { productText } from '#core/event/text.ts';
import type {
  CatalogueEntry,
  CatalogueStore,
  EventFilter,
  Product,
  SearchHit,
  VectorStore,
} from '#core/ports.ts';
import { hasBrand, isProductIn } from '#core/vectors/products-only.ts';

export type ListedOptions = {
  readonly filter: EventFilter;
  /** Only products of the catalogue with one of these brands; `null`: all. */
  readonly brands: readonly string[] | null;
  /** Leaves out products of which the shop has none left. */
  readonly inStock: boolean;
  /** Every text stays one hit, and keeps its text. */
  readonly isByText?: boolean;
};

type Found = { readonly hit: SearchHit };

/**
 * A product of the catalogue replaces what events say of it, its text included. It is left out when
 * it is no longer sold, or does not match as it is now. Products that have the text of a hit follow
 * it. A product that only events know stays as it is.
 */
export async function asListed<T extends Found>(
  catalogue: Pick<CatalogueStore, 'entries' | 'ofTexts'>,
  found: readonly T[],
  options: ListedOptions,
): Promise<readonly T[]> {
  const textIds = [...new Set(found.map(({ hit }) => hit.textId))];
  const ids = [...new Set(found.flatMap(({ hit }) => hit.product?.id ?? []))];
  if (ids.length === 0) return found;
  const [entries, sharing] = await Promise.all([
    catalogue.entries(ids),
    catalogue.ofTexts(textIds),
  ]);
  const byText = Map.groupBy(sharing, ({ textId }) => textId ?? '');
  return found.flatMap((one) => {
    const { product, textId } = one.hit;
    if (product === null) return [one];
    const own = entries.get(product.id);
    const others = (byText.get(textId) ?? []).filter(({ id }) => id !== product.id);
    const isOnlyOfEvents = own === undefined && one.hit.newest !== null && options.brands === null;
    const shown = [
      ...(isOnlyOfEvents ? [one] : []),
      ...[...(own === undefined ? [] : [own]), ...others].flatMap((entry) => {
        const hit = listedHit(one.hit, entry, options);
        return hit === null ? [] : [{ ...one, hit }];
      }),
    ];
    return options.isByText === true ? shown.slice(0, 1) : shown;
  });
}

function listedHit(
  hit: SearchHit,
  { product, textId }: CatalogueEntry,
  { filter, brands, inStock, isByText }: ListedOptions,
): SearchHit | null {
  if (product === null || textId === null || !isProductIn(product, filter)) return null;
  if (brands !== null && !hasBrand(product, brands)) return null;
  if (inStock && product.stock !== null && product.stock <= 0) return null;
  if (isByText === true) return { ...hit, product };
  return { ...hit, product, textId, text: productText(product) };
}

/** The same of what is recommended: a product that is no longer sold is left out. */
export async function asListedItems<T extends { readonly product: Product }>(
  catalogue: VectorStore['catalogue'],
  items: readonly T[],
): Promise<readonly T[]> {
  if (items.length === 0) return items;
  const entries = await catalogue.entries(items.map(({ product }) => product.id));
  return items.flatMap((item) => {
    const entry = entries.get(item.product.id);
    if (entry === undefined) return [item];
    return entry.product === null ? [] : [{ ...item, product: entry.product }];
  });
}
