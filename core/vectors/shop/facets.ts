// Counts what a search has found by category, brand, price and attributes, so that a shop can offer
// to narrow it.

import type { CatalogueProduct, Product } from '#core/ports.ts';
import { byCount } from '#core/vectors/count-order.ts';

export const facetNames = ['category', 'brand', 'price'] as const;
/** With this before its name, an attribute is a facet. */
export const attributePrefix = 'attributes.';
export type FacetName = (typeof facetNames)[number] | `${typeof attributePrefix}${string}`;

export const isFacetName = (name: string): name is FacetName =>
  name.startsWith(attributePrefix) || facetNames.some((known) => known === name);

export type FacetValue = { readonly value: string; readonly count: number };
/** The lowest and the highest price found within one step: as a filter, they give its products. */
export type PriceStep = { readonly min: number; readonly max: number; readonly count: number };

export type Facets = {
  readonly category?: readonly FacetValue[];
  readonly brand?: readonly FacetValue[];
  readonly price?: readonly PriceStep[];
  readonly attributes?: Readonly<Record<string, readonly FacetValue[]>>;
};

const valuesMax = 100;

type Found = Product | CatalogueProduct;

export function facetsOf(products: readonly Found[], names: readonly FacetName[]): Facets {
  const attributes = names.flatMap((name) =>
    name.startsWith(attributePrefix) ? name.slice(attributePrefix.length) : [],
  );
  return {
    ...(names.includes('category') && { category: countsOf(products, ({ category }) => category) }),
    ...(names.includes('brand') && { brand: countsOf(products, brandOf) }),
    ...(names.includes('price') && { price: priceStepsOf(products) }),
    ...(attributes.length > 0 && {
      attributes: Object.fromEntries(
        attributes.map((name) => [name, countsOf(products, attributeOf(name))]),
      ),
    }),
  };
}

/** Only the catalogue knows brands and attributes. */
const brandOf = (product: Found): string | null => ('brand' in product ? product.brand : null);
const attributeOf =
  (name: string) =>
  (product: Found): string | null =>
    'attributes' in product && Object.hasOwn(product.attributes, name)
      ? String(product.attributes[name])
      : null;

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
