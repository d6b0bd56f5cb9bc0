// Gives every category of a list its colour: one each for the eight largest, and one for all the
// others.

import type { ListedProduct } from './product-list.ts';

export type Category = {
  readonly name: string;
  readonly count: number;
  /** The number of its colour in the style sheet, 0…7. */
  readonly tint: number;
};

/** Also the tint of all products outside of the largest categories. */
const tintsMax = 8;

/** The largest categories, largest first, then by name; and the tint of each product. */
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
