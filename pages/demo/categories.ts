// Gives every category of a list its colour: the largest eight have one of their own, the rest
// share a ninth.

import type { ListedProduct } from './product-list.ts';

export type Category = {
  readonly name: string;
  readonly count: number;
  /** 0…8, see the style sheet. */ readonly tint: number;
};

export const tintsMax = 8;

/** Largest first, then by name; `tintOf` of products without a category is the shared one. */
export function categoriesOf(products: readonly ListedProduct[]): {
  readonly categories: readonly Category[];
  readonly tintOf: (product: ListedProduct) => number;
} {
  const counts = new Map<string, number>();
  for (const { category } of products)
    if (category !== null) counts.set(category, (counts.get(category) ?? 0) + 1);
  const sorted = [...counts].toSorted(
    ([nameA, a], [nameB, b]) => b - a || (nameA < nameB ? -1 : 1),
  );
  const categories = sorted
    .slice(0, tintsMax)
    .map(([name, count], tint) => ({ name, count, tint }));
  const tints = new Map(categories.map(({ name, tint }) => [name, tint]));
  return { categories, tintOf: ({ category }) => tints.get(category ?? '') ?? tintsMax };
}
