// Filters a search by brand, which only the catalogue knows: events have none.

import type { EventFilter, VectorStore } from '#core/ports.ts';

/** A search by brand finds products with the first of so many texts. */
const textsMax = 10_000;

/**
 * The filter, limited to the texts of these brands; `null`: of all. Other products may have such a
 * text too: see `ListedOptions.brands`.
 */
export async function withBrands(
  catalogue: Pick<VectorStore['catalogue'], 'textsOfBrands'>,
  filter: EventFilter,
  brands: readonly string[] | null,
): Promise<EventFilter> {
  if (brands === null) return filter;
  const texts = await catalogue.textsOfBrands(brands, textsMax);
  const { textIds } = filter;
  return {
    ...filter,
    textIds: textIds === undefined ? texts : texts.filter((id) => textIds.includes(id)),
  };
}
