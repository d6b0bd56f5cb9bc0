// A term of the shop's rules is found in a query however it is written, and finds its synonyms.

import { expect, test } from 'vitest';
import type { SearchRules } from '#core/ports.ts';
import { wordQueryOf } from '#core/vectors/lexical/word-features.ts';
import { matchOf } from '#core/vectors/lexical/word-match.ts';
import { rulesByQuery } from '#core/vectors/shop/rules-by-query.ts';

const rules: SearchRules = {
  updatedAt: 1,
  synonyms: [
    { terms: ['T-Shirt', 'tee'], alsoFind: null },
    { terms: ['Kanapee'], alsoFind: ['garden sofa'] },
  ],
  queries: [{ query: 'Café-Crème', pin: ['c-1'], hide: ['c-2'], boost: [] }],
};
const find = rulesByQuery(rules);

/** The share of the query's words that a product with this name has. */
const shareOf = (query: string, name: string): number => {
  const product = { id: 'p', name, description: null, category: null, price: 1 };
  return matchOf(wordQueryOf(query, find(query).alternatives), product).share;
};

test.each([
  ['t-shirt', 'Cotton tee', 1],
  ['T Shirt', 'Cotton tee', 1],
  ['cotton t-shirt', 'Cotton tee', 1],
  ['tee', 'Cotton T-shirt', 1],
  ['shirt t ', 'Cotton tee', 0],
  ['shirt', 'Cotton tee', 0],
  ['kanapee', 'Sofa for the garden', 1],
  ['kanapee', 'Sofa', 0],
  ['garden sofa', 'Kanapee', 0],
])('%j finds the share of its words in %j: %d', (query, name, share) => {
  expect(shareOf(query, name)).toBe(share);
});

test('a rule holds for its query in any spelling, and for no other', () => {
  for (const query of ['café crème', 'CAFE-CREME ', 'cafe creme']) {
    expect(find(query).pin).toEqual(['c-1']);
    expect([...find(query).hide]).toEqual(['c-2']);
  }
  for (const query of ['creme cafe', 'cafe', 'cafe creme cups', '']) {
    expect(find(query).pin).toEqual([]);
    expect(find(query).hide.size).toBe(0);
  }
});

test('a query that repeats a word of many synonyms makes only the first alternatives', () => {
  const synonyms = Array.from({ length: 1_000 }, (_, n) => ({
    terms: ['a', ...Array.from({ length: 19 }, (__, m) => `b${n}x${m}`)],
    alsoFind: null,
  }));
  const repeated = rulesByQuery({ updatedAt: 1, synonyms, queries: [] })('a '.repeat(512));
  expect(repeated.alternatives).toHaveLength(40);
});
