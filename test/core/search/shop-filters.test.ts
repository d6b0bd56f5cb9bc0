// Facets and orders of what a search has found.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CatalogueProduct, Product, SearchHit } from '#core/ports.ts';
import { boostedByBehaviour } from '#core/vectors/shop/behaviour-boost.ts';
import { facetsOf } from '#core/vectors/shop/facets.ts';
import { hitOrders, inOrder } from '#core/vectors/shop/hit-order.ts';

const productOf = (price: number, category: string | null = null): Product => ({
  id: String(price),
  name: 'Kettle',
  description: null,
  category,
  price,
});

test('price steps end at 1, 2, 5, 10 and so on, and hold the prices found in them', () => {
  const prices = [0, 0.99, 1, 1.99, 2, 4.99, 5, 9.99, 10, 19.99, 20, 1000];
  expect(
    facetsOf(
      prices.map((price) => productOf(price)),
      ['price'],
    ),
  ).toEqual({
    price: [
      { min: 0, max: 0.99, count: 2 },
      { min: 1, max: 1.99, count: 2 },
      { min: 2, max: 4.99, count: 2 },
      { min: 5, max: 9.99, count: 2 },
      { min: 10, max: 19.99, count: 2 },
      { min: 20, max: 20, count: 1 },
      { min: 1000, max: 1000, count: 1 },
    ],
  });
});

test('each price is in one step, and as a filter the step finds as many products', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1e9, noNaN: true })), (prices) => {
      const { price: steps = [] } = facetsOf(
        prices.map((price) => productOf(price)),
        ['price'],
      );
      for (const { min, max, count } of steps)
        expect(prices.filter((price) => price >= min && price <= max)).toHaveLength(count);
      expect(steps.reduce((sum, { count }) => sum + count, 0)).toBe(prices.length);
    }),
  );
});

test('categories are counted by size, then name; products without one do not count', () => {
  const categories = ['b', 'a', null, 'c', 'c'];
  const products = categories.map((category, price) => productOf(price, category));
  expect(facetsOf(products, ['category'])).toEqual({
    category: [
      { value: 'c', count: 2 },
      { value: 'a', count: 1 },
      { value: 'b', count: 1 },
    ],
  });
});

const hit = (name: string, price: number | null, timestamp: number, total: number) => ({
  hit: {
    score: 1,
    textId: name,
    text: name,
    product: price === null ? null : productOf(price),
    events: { total, byType: {} },
    newest: { id: name, textId: name, timestamp, ingestedAt: 0, payload: '{}' },
  } satisfies SearchHit,
});

test('brands are those of the catalogue', () => {
  const listed = { brand: 'Aga', image: null, url: null, stock: null, attributes: {} };
  const products = [productOf(1), { ...productOf(2), ...listed }];
  expect(facetsOf(products, ['brand'])).toEqual({ brand: [{ value: 'Aga', count: 1 }] });
});

test('attributes are counted by their values, as text', () => {
  const listed = (attributes: CatalogueProduct['attributes']) => ({
    ...productOf(1),
    brand: null,
    image: null,
    url: null,
    stock: null,
    attributes,
  });
  const products = [listed({ litres: 2, red: true }), listed({ litres: '2' }), productOf(2)];
  const names = ['attributes.litres', 'attributes.red', 'attributes.toString'] as const;
  expect(facetsOf(products, names)).toEqual({
    attributes: {
      litres: [{ value: '2', count: 2 }],
      red: [{ value: 'true', count: 1 }],
      toString: [],
    },
  });
});

test('hits that are equal in an order stay by relevance', () => {
  const hits = [hit('a', 5, 1, 1), hit('b', 2, 3, 1), hit('c', 5, 2, 4), hit('d', null, 0, 0)];
  const orders = hitOrders.map((order) =>
    inOrder(hits, order, ({ events }) => events.total)
      .map(({ hit: { text } }) => text)
      .join(''),
  );
  expect(orders).toEqual(['abcd', 'bacd', 'acbd', 'bcad', 'cabd']);
});

const scored = (name: string, score: number, events: number) => {
  const { hit: found } = hit(name, 1, 0, events);
  return { hit: { ...found, score } };
};
const eventsOf = ({ events }: SearchHit): number => events.total;

test('behaviour moves hits up by the logarithm of their events, below what was typed', () => {
  const hits = [scored('a', 1, 0), scored('b', 0.9, 0), scored('c', 0.8, 99), scored('d', 0.8, 9)];
  const boosted = boostedByBehaviour(hits, { weight: 0.2, eventsOf });
  expect(boosted.map(({ hit: { text, score } }) => [text, score])).toEqual([
    ['a', 1],
    ['c', 0.96],
    ['b', 0.9],
    ['d', 0.88],
  ]);
  expect(boostedByBehaviour(hits, { weight: 0, eventsOf })).toBe(hits);
  expect(
    boostedByBehaviour(hits, { weight: 1, eventsOf }).map(({ hit: { text } }) => text),
  ).toEqual(['a', 'c', 'd', 'b']);
  const untouched = [scored('b', 0.9, 0)];
  expect(boostedByBehaviour(untouched, { weight: 1, eventsOf })).toBe(untouched);
});
