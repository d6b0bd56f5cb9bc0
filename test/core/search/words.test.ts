// Words are equal however they are spelt, and a query matches what its writer means.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Product } from '#core/ports.ts';
import { foldText, wordsOf } from '#core/vectors/lexical/fold-text.ts';
import {
  productFeatures,
  queryFeatures,
  wordQueryOf,
} from '#core/vectors/lexical/word-features.ts';
import { hasAtMost, matchOf } from '#core/vectors/lexical/word-match.ts';

const kettle: Product = {
  id: '85123A',
  name: 'Enamel Kettle',
  description: 'Whistles loudly',
  category: 'Kitchen',
  price: 1,
};

const match = (query: string) => matchOf(wordQueryOf(query), kettle);

describe('words', () => {
  test.each([
    ['Café CRÈME', ['cafe', 'creme']],
    ['ışık ISIK İstanbul', ['isik', 'isik', 'istanbul']],
    ['Straße', ['strasse']],
    ['ｋｅｔｔｌｅ １２', ['kettle', '12']],
    ['كِتَاب ٱلْمَدْرَسَة ١٢', ['كتاب', 'ٱلمدرسه', '12']],
    ['ガラスポット', ['ガラ', 'ラス', 'スポ', 'ポッ', 'ット']],
    ["Men's T-shirt", ['mens', 't', 'shirt', 'tshirt']],
    ['22-1042/B', ['22', '1042', 'b', '221042b']],
    ['नमस्ते', ['नमस्ते']],
    ['', []],
  ])('of %j', (text, words) => {
    expect(wordsOf(text)).toEqual(words);
  });

  test('folding is idempotent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(foldText(foldText(text))).toBe(foldText(text));
      }),
    );
  });
});

describe('a product matches', () => {
  test.each([
    ['enamel kettle', 1],
    ['kettle whistles', 1],
    ['kettle wistles', 0.5],
    ['enamel ket', 1],
    ['ketle', 1],
    ['ekttle', 1],
    ['kitchen sink', 0.5],
    ['ket enamel', 0.5],
    ['85123b', 0],
    ['asdfgh', 0],
  ])('%j by %d of the words', (query, expected) => {
    expect(match(query).share).toBe(expected);
  });

  test('by its whole name or id', () => {
    const queries = ['ENAMEL  kettle', '85123a', 'kettle'];
    expect(queries.map((query) => match(query).isWhole)).toEqual([true, true, false]);
  });
});

test('the distance of words counts signs left out, added, replaced and swapped', () => {
  const word = fc.string({ minLength: 0, maxLength: 5, unit: fc.constantFrom('a', 'b', 'c') });
  fc.assert(
    fc.property(word, word, (a, b) => {
      for (const max of [0, 1, 2]) expect(hasAtMost(max, a, b)).toBe(changes(a, max).has(b));
    }),
    { numRuns: 50 },
  );
});

test('of two long words only the signs near the same place are compared', () => {
  const length = 64;
  let reads = 0;
  const counted = (word: string): ArrayLike<string> =>
    new Proxy(Array.from(word), {
      get(signs, at) {
        if (at !== 'length') reads += 1;
        return Reflect.get(signs, at);
      },
    });
  const same = 'a'.repeat(length - 2);
  expect(hasAtMost(2, counted(`${same}bb`), counted(`${same}cc`))).toBe(true);
  // Five signs of the one word for each of the other, with their neighbours.
  expect(reads).toBeLessThanOrEqual(length * 5 * 6);
});

const share = (query: string, name: string): number =>
  matchOf(wordQueryOf(query), { ...kettle, name }).share;

test('typing mistakes are looked for in four words of a query, none of them long', () => {
  const mistaken = ['tabel', 'chiar', 'lmap', 'mirrro', 'carpte', 'vsae'].join(' ');
  expect(share(mistaken, 'table chair lamp mirror carpet vase')).toBe(4 / 6);
  const [long, longer] = ['k'.repeat(24), 'k'.repeat(25)];
  expect(share(`${long.slice(0, -1)}x`, long)).toBe(1);
  expect(share(`${longer.slice(0, -1)}x`, longer)).toBe(0);
});

/** Every word that `max` changes can make of `word`, each before the signs of the one before. */
function changes(word: string, max: number): ReadonlySet<string> {
  const signs = ['a', 'b', 'c'];
  const made = new Set<string>();
  const visit = (done: string, rest: string, left: number): void => {
    made.add(done + rest);
    if (left === 0) return;
    for (let at = 0; at <= rest.length; at++) {
      const [before, after] = [done + rest.slice(0, at), rest.slice(at)];
      for (const sign of signs) visit(before + sign, after, left - 1);
      if (after === '') continue;
      visit(before, after.slice(1), left - 1);
      for (const sign of signs) visit(before + sign, after.slice(1), left - 1);
      if (after.length > 1) visit(before + after[1] + after[0], after.slice(2), left - 1);
    }
  };
  visit('', word, max);
  return made;
}

test('a product has distinct features, and a query shares those that it means', () => {
  const { ids, weights } = productFeatures(kettle);
  expect(new Set(ids).size).toBe(ids.length);
  expect(weights.every((weight) => Number.isInteger(weight) && weight > 0)).toBe(true);
  const own = new Set(ids);
  const shared = (query: string, misspelt: readonly string[] = []) =>
    queryFeatures(wordQueryOf(query), misspelt).ids.filter((id) => own.has(id)).length;
  expect(shared('enamel ket')).toBe(2);
  expect(shared('enamel ket ')).toBe(1);
  expect(shared('ketle')).toBe(0);
  expect(shared('ketle', ['ketle'])).toBe(4);
});

test('a query has a bounded number of features, however misspelt it is', () => {
  const long = Array.from({ length: 24 }, (_word, n) =>
    Array.from({ length: 24 }, (_letter, at) =>
      String.fromCharCode(97 + ((n + at * at * (n + 1)) % 26)),
    ).join(''),
  );
  const query = wordQueryOf(long.join(' '));
  expect(query.words).toHaveLength(24);
  const exact = queryFeatures(query).ids.length;
  expect(queryFeatures(query, query.words).ids.length).toBeLessThanOrEqual(exact + 4 * 16);
});

test('a product has at most 512 features: first its name, then the first words about it', () => {
  const words = Array.from({ length: 512 }, (_, n) => `w${n}`);
  const long = 'z'.repeat(40);
  const product: Product = {
    id: 'SKU-1',
    name: `Enamel kettle ${long}`,
    description: words.join(' '),
    category: 'Kitchen',
    price: 1,
  };
  const own = new Set(productFeatures(product).ids);
  expect(own.size).toBe(512);
  const isFound = (query: string, misspelt: readonly string[] = []) =>
    queryFeatures(wordQueryOf(`${query} `), misspelt).ids.some((id) => own.has(id));
  const whole = [...'sku 1 sku1 enamel kettle kitchen'.split(' '), long, product.name];
  expect(whole.filter((query) => !isFound(query))).toEqual([]);
  expect(isFound('ketle', ['ketle'])).toBe(true);
  expect(['w0', 'w300', 'w511'].map((word) => isFound(word))).toEqual([true, true, false]);
  // A beginning or the letters of a very long word find nothing.
  expect(queryFeatures(wordQueryOf('zzzzz'), ['zzzzz']).ids.filter((id) => own.has(id))).toEqual(
    [],
  );
});
