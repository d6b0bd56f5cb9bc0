// The check in front of the store passes only finite unit vectors of the right dimension.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cosine, vectorProblem } from '#core/vectors/vector.ts';

const direction = fc
  .array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: 2, maxLength: 16 })
  .filter((values) => Math.hypot(...values) > 1e-3)
  .map((values) => Float32Array.from(values, (value) => value / Math.hypot(...values)));

test('a unit vector has no problem; a scaled, short or non-finite one has', () => {
  fc.assert(
    fc.property(
      direction,
      fc.constantFrom(0, 0.9, 1.01, 1e30),
      fc.nat(),
      fc.constantFrom(NaN, Infinity, -Infinity),
      (unit, scale, at, wrong) => {
        expect(vectorProblem(unit, unit.length)).toBeNull();
        expect(
          vectorProblem(
            unit.map((value) => value * scale),
            unit.length,
          ),
        ).toContain('length is');
        expect(vectorProblem(unit.subarray(1), unit.length)).toBe(
          `the vector has ${unit.length - 1} dimensions, the index has ${unit.length}`,
        );
        const index = at % unit.length;
        expect(vectorProblem(unit.with(index, wrong), unit.length)).toBe(
          `component ${index} of the vector is ${wrong}, not a finite number`,
        );
      },
    ),
  );
});

test('the length may be off by a rounding error, not by more', () => {
  expect(vectorProblem(Float32Array.of(1.0009, 0), 2)).toBeNull();
  expect(vectorProblem(Float32Array.of(0.9991, 0), 2)).toBeNull();
  expect(vectorProblem(Float32Array.of(1.0011, 0), 2)).toBe(
    "the vector's length is 1.00110, not 1",
  );
  expect(vectorProblem(new Float32Array(0), 0)).toBe("the vector's length is 0.00000, not 1");
});

test('cosine is symmetric, within ±1, 1 with itself, and independent of scale', () => {
  fc.assert(
    fc.property(
      direction,
      direction,
      fc.double({ min: 0.001, max: 1000, noNaN: true }),
      (a, other, scale) => {
        const b = Float32Array.from(a, (_, index) => other[index] ?? 1);
        expect(cosine(a, b)).toBe(cosine(b, a));
        expect(Math.abs(cosine(a, b))).toBeLessThanOrEqual(1);
        expect(cosine(a, a)).toBeCloseTo(1, 6);
        expect(
          cosine(
            a,
            a.map((value) => -value),
          ),
        ).toBeCloseTo(-1, 6);
        expect(
          cosine(
            a,
            Array.from(b, (value) => value * scale),
          ),
        ).toBeCloseTo(cosine(a, b), 6);
      },
    ),
  );
});

test('a zero vector is not similar to any other, and dimensions must agree', () => {
  expect(cosine([0, 0], [1, 0])).toBe(0);
  expect(cosine([1, 1], Float32Array.of(1, 0))).toBeCloseTo(Math.SQRT1_2, 6);
  expect(() => cosine([1], [1, 0])).toThrow(RangeError);
});

test('rounding never makes a cosine larger than 1', () => {
  const a = [1.3, 13 / 3];
  const b = a.map((value) => (value * 3) / 7);
  expect(cosine(a, b)).toBe(1);
});
