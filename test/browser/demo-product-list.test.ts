// What a person types or pastes becomes products, and the page says what was left out.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  listCharsMax,
  productCharsMax,
  productsMax,
  readProducts,
} from '../../pages/demo/product-list.ts';
import { sampleList, sampleSize } from '../../pages/demo/sample-list.ts';

const textsOf = (list: string): string[] => readProducts(list).products.map(({ text }) => text);

describe('a product list', () => {
  test('has one product per line; commas or tabs separate category and description', () => {
    expect(
      readProducts('Kettle, Kitchen, 1.7 l, steel\n\n  Kite  \r\nTent\tOutdoors\tfor two, or three')
        .products,
    ).toEqual([
      {
        name: 'Kettle',
        category: 'Kitchen',
        description: '1.7 l, steel',
        text: 'Kettle, Kitchen: 1.7 l, steel',
      },
      { name: 'Kite', category: null, description: null, text: 'Kite' },
      {
        name: 'Tent',
        category: 'Outdoors',
        description: 'for two, or three',
        text: 'Tent, Outdoors: for two, or three',
      },
    ]);
  });

  test('may quote a part, and a quote elsewhere is a character', () => {
    expect(textsOf('"Salt, pepper",Kitchen,"a ""pair"""')).toEqual([
      'Salt, pepper, Kitchen: a "pair"',
    ]);
    expect(textsOf('"Salt, pepper"')).toEqual(['Salt, pepper']);
    expect(textsOf('27" screen, Electronics')).toEqual(['27" screen, Electronics']);
    expect(textsOf('"unfinished, Kitchen')).toEqual(['"unfinished, Kitchen']);
    expect(textsOf('Ruler, Office, 12"')).toEqual(['Ruler, Office: 12"']);
  });

  test('may begin with the names of its columns', () => {
    expect(textsOf('name,category,description\nKite')).toEqual(['Kite']);
    expect(textsOf('"Name"\t"Category"\nKite')).toEqual(['Kite']);
    expect(textsOf('name tag\nKite')).toEqual(['name tag', 'Kite']);
  });

  test('is empty when it holds only blanks and separators', () => {
    for (const list of ['', ' \n\t\n', ',,\n , ', '\u2028\u00a0'])
      expect(readProducts(list)).toEqual({ products: [], notes: [], kept: list });
  });

  test('takes emoji and right-to-left writing as they are', () => {
    expect(textsOf('🧤 gloves, ملابس\nקומקום חשמלי')).toEqual(['🧤 gloves, ملابس', 'קומקום חשמלי']);
  });

  test('of 100,000 lines is cut to the first thousand, with a note', () => {
    const list = Array.from({ length: 100_000 }, (_, i) => `n${i}`).join('\n');
    const { products, notes, kept } = readProducts(list);
    expect(kept).toBe(Array.from({ length: productsMax }, (_, i) => `n${i}`).join('\n'));
    expect(products).toHaveLength(productsMax);
    expect(notes).toEqual(['The list has 100,000 lines; the first 1,000 products are taken.']);
  });

  test('of one giant line is cut to its beginning, never within a character', () => {
    const { products, notes, kept } = readProducts('🧤'.repeat(listCharsMax));
    expect(kept).toBe('🧤'.repeat(productCharsMax / 2));
    expect(products[0]?.text).toBe('🧤'.repeat(productCharsMax / 2));
    expect(notes).toEqual([
      'Only the first 1,000,000 of 2,000,000 characters are read.',
      'One line is longer than 500 characters and cut there.',
    ]);
    expect(readProducts(`a${'🧤'.repeat(300)}`).products[0]?.text.isWellFormed()).toBe(true);
  });

  test('leaves repetitions out and says how many', () => {
    expect(readProducts('Kite\nKite\n Kite ')).toMatchObject({
      products: [{ text: 'Kite' }],
      notes: ['2 lines repeat another and are left out.'],
    });
  });

  test('of any characters stays within its bounds and has no text twice', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary' })).map((lines) => lines.join('\n')),
        (list) => {
          const texts = textsOf(list);
          expect(new Set(texts).size).toBe(texts.length);
          expect(textsOf(readProducts(list).kept)).toEqual(texts);
          expect(texts.every((text) => text !== '' && text.isWellFormed())).toBe(true);
        },
      ),
    );
  });

  test('has a sample with a category and a description for every product', () => {
    const { products, notes } = readProducts(sampleList);
    expect([products.length, notes]).toEqual([sampleSize, []]);
    expect(
      products.filter(({ category, description }) => category === null || description === null),
    ).toEqual([]);
    expect(new Set(products.map(({ category }) => category)).size).toBe(8);
  });
});
