// Chooses the next product: exactly by Zipf's law over the whole shop, although each visitor
// prefers one aisle.

import { at } from '#core/errors/assert.ts';
import type { Random } from './random.ts';

export type Popularity = {
  /** Draws an aisle, by its share of the shop's traffic. */
  aisle(dice: Random): number;
  /** Draws a product of the aisle, by its popularity there. Returns its index in the shop. */
  productOf(aisle: number, dice: Random): number;
};

/**
 * `aisles[i]` names the aisle of the product of rank i + 1, whose share is proportional to (i +
 * 1)^-exponent (0 = all alike). Drawing an aisle by its total and a product within it gives each
 * product the same chance as drawing from the whole.
 */
export function openPopularity(aisles: readonly string[], exponent: number): Popularity {
  const members = new Map<string, { products: number[]; cumulative: number[] }>();
  aisles.forEach((name, index) => {
    let aisle = members.get(name);
    if (aisle === undefined) members.set(name, (aisle = { products: [], cumulative: [] }));
    aisle.products.push(index);
    aisle.cumulative.push((aisle.cumulative.at(-1) ?? 0) + (index + 1) ** -exponent);
  });
  const all = [...members.values()];
  let sum = 0;
  const totals = all.map((aisle) => (sum += at(aisle.cumulative, aisle.cumulative.length - 1)));
  return {
    aisle: (dice) => draw(totals, dice),
    productOf(aisle, dice) {
      const { products, cumulative } = at(all, aisle);
      return at(products, draw(cumulative, dice));
    },
  };
}

/** Index of the first cumulative weight above a random share of the last one. */
function draw(cumulative: readonly number[], dice: Random): number {
  const target = dice.next() * at(cumulative, cumulative.length - 1);
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (at(cumulative, middle) > target) high = middle;
    else low = middle + 1;
  }
  return low;
}
