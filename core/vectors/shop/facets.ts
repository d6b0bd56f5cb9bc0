// Counts what a search has found by category, brand and price, so that a shop can offer to narrow
// it.

import type { CatalogueProduct, Product } from '#core/ports.ts';
import { byCount } from '#core/vectors/count-order.ts';

export const facetNames = ['category', 'brand', 'price'] as const;
export type FacetName = (typeof facetNames)[number];

export type FacetValue = { readonly value: string; readonly count: number };
/** The lowest and the highest price found within one step: as a filter, they give its products. */
export type PriceStep = { readonly min: number; readonly max: number; readonly count: number };

export type Facets = {
  readonly category?: readonly FacetValue[];
  readonly brand?: readonly FacetValue[];
  readonly price?: readonly PriceStep[];
};

const valuesMax = 100;

type Found = Product | CatalogueProduct;

export function facetsOf(products: readonly Found[], names: readonly FacetName[]): Facets {
  return {
    ...(names.includes('category') && { category: countsOf(products, ({ category }) => category) }),
    ...(names.includes('brand') && { brand: countsOf(products, brandOf) }),
    ...(names.includes('price') && { price: priceStepsOf(products) }),
  };
}

/** Only the catalogue knows brands. */
const brandOf = (product: Found): string | null => ('brand' in product ? product.brand : null);

function countsOf(
  products: readonly Found[],
  valueOf: (product: Found) => string | null,
): readonly FacetValue[] {
  const groups = Map.groupBy(
    products.flatMap((product) => valueOf(product) ?? []),
    (value) => value,
  );
  return [...groups]
    .map(([value, { length }]) => ({ value, count: length }))
    .toSorted(byCount)
    .slice(0, valuesMax);
}

/** Steps that a person would choose: they end at 1, 2, 5, 10, 20, 50 and so on. */
function priceStepsOf(products: readonly Product[]): readonly PriceStep[] {
  const groups = Map.groupBy(
    products.map(({ price }) => price),
    stepOf,
  );
  return [...groups.values()]
    .map((prices) => ({
      min: Math.min(...prices),
      max: Math.max(...prices),
      count: prices.length,
    }))
    .toSorted((a, b) => a.min - b.min);
}

/** The lower end of the step that a price lies in: 10 for 10…19.99; 0 below 1. */
function stepOf(price: number): number {
  if (price < 1) return 0;
  // Not the logarithm, which is inexact at powers of ten.
  const power = Number(`1e${Number(price.toExponential().split('e')[1])}`);
  return power * ([5, 2].find((digit) => price >= digit * power) ?? 1);
}
