// A taste points in the direction of its examples, whatever their number and size.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Example, tasteOf, unitOf } from '#core/analysis/taste.ts';
import { cosine } from '#core/vectors/vector.ts';

const component = fc.double({ min: -1, max: 1, noNaN: true, noDefaultInfinity: true });
const vector = fc
  .array(component, { minLength: 4, maxLength: 4 })
  .map((numbers) => unitOf(numbers))
  .filter((unit) => unit !== null);
const liked = fc.record({ vector, weight: fc.double({ min: 0.01, max: 100, noNaN: true }) });
const example = fc.record({ vector, weight: fc.double({ min: -100, max: 100, noNaN: true }) });
const lengthOf = (of: Float32Array) => Math.hypot(...of);
const side = (vectors: readonly Float32Array[], weight: number): Example[] =>
  vectors.map((one) => ({ vector: one, weight: weight / vectors.length }));
const mean = (vectors: readonly Float32Array[]) =>
  Array.from(
    { length: 4 },
    (_, at) => vectors.reduce((sum, one) => sum + one[at]!, 0) / vectors.length,
  );

describe('a taste', () => {
  it('is a unit vector or nothing, for any examples', () => {
    fc.assert(
      fc.property(fc.array(example, { maxLength: 20 }), (examples) => {
        const taste = tasteOf(examples);
        if (taste === null) return;
        expect(lengthOf(taste)).toBeCloseTo(1, 5);
      }),
    );
  });

  it('of one liked example is that example; of dislikes alone it is nothing', () => {
    fc.assert(
      fc.property(liked, ({ vector: one, weight }) => {
        expect(cosine(tasteOf([{ vector: one, weight }])!, one)).toBeCloseTo(1, 5);
        expect(tasteOf([{ vector: one, weight: -weight }])).toBeNull();
      }),
    );
    expect(tasteOf([])).toBeNull();
  });

  it('does not change when all weights are multiplied, however small they become', () => {
    fc.assert(
      fc.property(
        fc.array(example, { minLength: 1, maxLength: 10 }),
        fc.constantFrom(1e-200, 1e-3, 7),
        (examples, factor) => {
          const [one, other] = [
            tasteOf(examples),
            tasteOf(examples.map((entry) => ({ ...entry, weight: entry.weight * factor }))),
          ];
          if (one === null || other === null) return;
          expect(cosine(one, other)).toBeCloseTo(1, 4);
        },
      ),
    );
  });

  it("with equal weight on both sides is Qdrant's average_vector", () => {
    fc.assert(
      fc.property(
        fc.array(vector, { minLength: 1, maxLength: 5 }),
        fc.array(vector, { minLength: 1, maxLength: 5 }),
        (positive, negative) => {
          const [likes, dislikes] = [mean(positive), mean(negative)];
          const average = likes.map((x, at) => 2 * x - dislikes[at]!);
          fc.pre(Math.hypot(...average) > 1e-3);
          expect(
            cosine(tasteOf([...side(positive, 1), ...side(negative, -1)])!, average),
          ).toBeCloseTo(1, 4);
        },
      ),
    );
  });

  it('moves further from a dislike the more the dislike weighs', () => {
    const [like, dislike] = [Float32Array.of(1, 0), Float32Array.of(Math.SQRT1_2, Math.SQRT1_2)];
    const away = [0, -0.1, -0.5, -1].map((weight) =>
      cosine(
        tasteOf([
          { vector: like, weight: 1 },
          { vector: dislike, weight },
        ])!,
        dislike,
      ),
    );
    expect(away).toEqual(away.toSorted((a, b) => b - a));
    expect(new Set(away).size).toBe(4);
  });
});

it('scales any vector with a direction to length 1 and refuses the others', () => {
  for (const numbers of [
    [3, 4],
    [1e-300, 0],
    [1e300, -1e300],
    [0, 5e-324],
  ])
    expect(lengthOf(unitOf(numbers)!)).toBeCloseTo(1, 6);
  for (const numbers of [[0, 0], [], [Number.NaN, 1], [Infinity, 1]])
    expect(unitOf(numbers)).toBeNull();
});
