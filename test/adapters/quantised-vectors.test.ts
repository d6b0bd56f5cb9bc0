// The candidates are few, and always include the nearest vectors, whatever was added, replaced and
// deleted before.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cosine } from '#core/vectors/vector.ts';
import { QuantisedVectors } from '../../gateway/embedded/vectors/quantised-vectors.ts';
import { seeded } from '../helpers/seeded.ts';

const vectors = (seed: number, dimensions: number) => {
  const { next } = seeded(seed);
  // As in a model's vectors, some components are much larger than the rest.
  return () =>
    Float32Array.from({ length: dimensions }, () => (next() - 0.5) * (next() < 0.02 ? 10 : 1));
};

type Kept = Map<number, { readonly vector: Float32Array; readonly isProduct: boolean }>;

function expectNearest(
  copy: QuantisedVectors,
  kept: Kept,
  query: Float32Array,
  count: number,
  productsOnly: boolean,
): readonly number[] {
  const found = copy.candidates(query, count, productsOnly);
  const eligible = [...kept].filter(([, { isProduct }]) => isProduct || !productsOnly);
  const nearest = eligible
    .map(([id, { vector }]) => ({ id, score: cosine(vector, query) }))
    .toSorted((a, b) => b.score - a.score)
    .slice(0, count);
  const among = new Set(found);
  expect(among.size).toBe(found.length);
  expect(nearest.filter(({ id }) => !among.has(id))).toEqual([]);
  expect(found.filter((id) => !eligible.some(([other]) => other === id))).toEqual([]);
  return found;
}

describe('quantised vectors', () => {
  for (const dimensions of [1, 8, 100, 384, 1_024]) {
    it(`of ${dimensions} dimensions never miss the nearest vectors, whatever changes`, () => {
      const change = fc.record({
        id: fc.nat(40),
        kind: fc.constantFrom('product', 'product', 'query', 'delete', 'search'),
        count: fc.integer({ min: 1, max: 12 }),
      });
      fc.assert(
        fc.property(
          fc.nat(),
          fc.array(change, { minLength: 10, maxLength: 80 }),
          (seed, changes) => {
            const make = vectors(seed, dimensions);
            const copy = new QuantisedVectors(dimensions);
            const kept: Kept = new Map();
            for (const { id, kind, count } of changes) {
              const isProduct = kind === 'product';
              const vector = make();
              if (kind === 'search') {
                expectNearest(copy, kept, vector, count, id % 2 === 0);
              } else if (kind === 'delete') {
                copy.delete(id);
                kept.delete(id);
              } else {
                copy.put({ id, isProduct, vector });
                kept.set(id, { vector, isProduct });
              }
            }
            expect(copy.candidates(make(), 1_000, false)).toHaveLength(kept.size);
            expectNearest(copy, kept, make(), 5, true);
          },
        ),
        { numRuns: 40 },
      );
    });
  }

  it('return few of many vectors', () => {
    const make = vectors(7, 384);
    const copy = new QuantisedVectors(384);
    const kept: Kept = new Map();
    for (let id = 0; id < 6_000; id++) {
      const vector = make();
      kept.set(id, { vector, isProduct: true });
      copy.put({ id, isProduct: true, vector });
    }
    for (let round = 0; round < 5; round++)
      expect(expectNearest(copy, kept, make(), 20, true).length).toBeLessThan(200);
  });

  it('return all vectors that tie', () => {
    const make = vectors(3, 384);
    const [query, same] = [make(), make()];
    const copy = new QuantisedVectors(384);
    for (let id = 0; id < 100; id++)
      copy.put({ id, isProduct: true, vector: same.map((value) => value * (1 + id / 1e6)) });
    expect(copy.candidates(query, 3, true)).toHaveLength(100);
  });

  it('can be filled again after they were cleared', () => {
    const make = vectors(5, 8);
    const copy = new QuantisedVectors(8);
    copy.put({ id: 1, isProduct: true, vector: make() });
    copy.clear();
    expect(copy.candidates(make(), 5, false)).toEqual([]);
    copy.put({ id: 2, isProduct: false, vector: make() });
    expect(copy.candidates(make(), 5, false)).toEqual([2]);
  });
});
