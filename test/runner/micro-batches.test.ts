// Micro-batches contain every text exactly once, within their budget.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { microBatches } from '#core/transformers/micro-batches.ts';
import { normalise, pool } from '#core/transformers/pooling.ts';

const lengths = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 200 });
const budget = fc.integer({ min: 1, max: 2000 });

test('every text is in exactly one micro-batch', () => {
  fc.assert(
    fc.property(lengths, budget, (tokens, limit) => {
      expect(
        microBatches(tokens, limit)
          .flat()
          .toSorted((a, b) => a - b),
      ).toEqual(tokens.map((_, index) => index));
    }),
  );
});

test('a micro-batch of several texts costs at most its budget, padding included', () => {
  fc.assert(
    fc.property(lengths, budget, (tokens, limit) => {
      const costs = microBatches(tokens, limit)
        .filter((batch) => batch.length > 1)
        .map((batch) => Math.max(...batch.map((index) => tokens[index] ?? 0)) * batch.length);
      expect(costs.filter((cost) => cost > limit)).toEqual([]);
    }),
  );
});

test('two neighbouring micro-batches would not fit into one', () => {
  fc.assert(
    fc.property(lengths, budget, (tokens, limit) => {
      const batches = microBatches(tokens, limit);
      batches.slice(1).forEach((batch, before) => {
        const previous = batches[before] ?? [];
        expect((tokens[previous[0] ?? 0] ?? 0) * (previous.length + 1)).toBeGreaterThan(limit);
        expect(batch.length).toBeGreaterThan(0);
      });
    }),
  );
});

test('mean pooling over the tokens of a text ignores its padding', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.array(fc.tuple(...Array.from({ length: 3 }, () => fc.integer({ min: -8, max: 8 }))), {
          minLength: 1,
          maxLength: 6,
        }),
        { minLength: 1, maxLength: 5 },
      ),
      fc.integer({ min: 0, max: 4 }),
      (texts, extra) => {
        const padded = Math.max(...texts.map((rows) => rows.length)) + extra;
        const output = Float32Array.from(
          texts.flatMap((rows) => [
            ...rows.flat(),
            ...Array.from({ length: (padded - rows.length) * 3 }, () => NaN),
          ]),
        );
        const vectors = pool(
          output,
          texts.map((rows) => rows.length),
          padded,
          3,
          'mean',
        );
        texts.forEach((rows, text) => {
          const mean = [0, 1, 2].map((i) =>
            Math.fround(rows.reduce((sum, row) => sum + (row[i] ?? 0), 0) / rows.length),
          );
          expect([...(vectors[text] ?? [])]).toEqual(mean.map((value) => value + 0));
        });
      },
    ),
  );
});

test('first-token pooling and pooled graphs use the right row', () => {
  const output = Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(pool(output, [1, 2], 2, 2, 'cls').map((vector) => [...vector])).toEqual([
    [1, 2],
    [5, 6],
  ]);
  expect(pool(output, [9, 9], 9, 4, 'none').map((vector) => [...vector])).toEqual([
    [1, 2, 3, 4],
    [5, 6, 7, 8],
  ]);
});

test('a normalised vector has length 1, and a zero vector becomes NaN', () => {
  expect([...normalise(Float32Array.from([3, 4]))]).toEqual([Math.fround(0.6), Math.fround(0.8)]);
  expect([...normalise(new Float32Array(2))]).toEqual([NaN, NaN]);
});
