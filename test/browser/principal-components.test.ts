// The projection of vectors: the plane of greatest variance, the same every time, and finite for
// any input.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fitProjection } from '../../pages/demo/principal-components.ts';

const dimensions = 6;
const number = fc.integer({ min: -100, max: 100 });
const vectors = fc.array(
  fc
    .array(number, { minLength: dimensions, maxLength: dimensions })
    .map((values) => Float32Array.from(values)),
  { minLength: 3, maxLength: 40 },
);

/** Variance along a unit direction. */
function spread(all: readonly Float32Array[], direction: readonly number[]): number {
  const along = all.map((vector) =>
    vector.reduce((sum, value, i) => sum + value * (direction[i] ?? 0), 0),
  );
  const mean = along.reduce((sum, value) => sum + value, 0) / along.length;
  return along.reduce((sum, value) => sum + (value - mean) ** 2, 0);
}

const squares = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value * value, 0);

test('no direction has more variance than the first axis, nor the second than the first', () => {
  fc.assert(
    fc.property(
      vectors,
      fc
        .array(number, { minLength: dimensions, maxLength: dimensions })
        .filter((values) => squares(values) > 0),
      (all, any) => {
        const placed = all.map((vector) => fitProjection(all)(vector));
        const [x, y] = [
          squares(placed.map((point) => point.x)),
          squares(placed.map((point) => point.y)),
        ];
        const length = Math.sqrt(squares(any));
        // Two directions of nearly the same variance may be separated late; the loss is then as
        // small as their difference.
        expect(x).toBeGreaterThanOrEqual(
          spread(
            all,
            any.map((value) => value / length),
          ) *
            0.97 -
            1e-3,
        );
        expect(x).toBeGreaterThanOrEqual(y * 0.97 - 1e-3);
      },
    ),
  );
});

test('a longest vector along another direction does not hide the first axis', () => {
  const all = [
    [58, -9, -23, -19, 88, -2],
    [68, 10, 73, -51, 11, 92],
    [89, -94, 99, -70, -13, 99],
    [-15, 47, 48, 85, -87, 38],
    [-58, -68, -79, 4, 62, -13],
  ].map((values) => Float32Array.from(values));
  const placed = all.map(fitProjection(all));
  expect(squares(placed.map(({ x }) => x))).toBeGreaterThanOrEqual(
    spread(all, [0, 0, 0, 0, -1, 0]),
  );
});

test('the mean lies at the origin', () => {
  fc.assert(
    fc.property(vectors, (all) => {
      const placed = all.map(fitProjection(all));
      for (const axis of ['x', 'y'] as const)
        expect(Math.abs(placed.reduce((sum, point) => sum + point[axis], 0))).toBeLessThan(1e-3);
    }),
  );
});

test('vectors that lie on a plane keep their distances', () => {
  const onPlane = fc.array(fc.tuple(number, number), { minLength: 3, maxLength: 30 });
  fc.assert(
    fc.property(onPlane, (pairs) => {
      // Two directions at right angles in six dimensions.
      const all = pairs.map(([a, b]) => Float32Array.of(a * 0.6, b * 0.8, a * 0.8, -b * 0.6, 5, 0));
      const placed = all.map(fitProjection(all));
      const [first, ...others] = pairs;
      others.forEach(([a, b], index) => {
        const [from, to] = [placed[0], placed[index + 1]];
        expect(
          Math.hypot((to?.x ?? NaN) - (from?.x ?? NaN), (to?.y ?? NaN) - (from?.y ?? NaN)),
        ).toBeCloseTo(Math.hypot(a - (first?.[0] ?? NaN), b - (first?.[1] ?? NaN)), 2);
      });
    }),
  );
});

test('the same vectors give the same projection, for any number of them', () => {
  fc.assert(
    fc.property(vectors, (all) => {
      expect(all.map(fitProjection(all))).toEqual(all.map(fitProjection(all)));
    }),
  );
});

test('no vectors, one, or many equal ones are all placed at the origin', () => {
  expect(fitProjection([])(new Float32Array(0))).toEqual({ x: 0, y: 0 });
  const same = Float32Array.of(0.6, 0.8);
  for (const all of [[same], [same, same, same]]) {
    expect(fitProjection(all)(same)).toEqual({ x: 0, y: 0 });
  }
});

test('more vectors than are fitted are all placed', () => {
  const all = Array.from({ length: 3000 }, (_, i) =>
    Float32Array.of(Math.cos(i) * 3, Math.sin(i), 0.5),
  );
  expect(Math.max(...all.map(fitProjection(all)).map(({ x }) => Math.abs(x)))).toBeCloseTo(3, 1);
});

test('vectors of different dimensions are refused', () => {
  expect(() => fitProjection([Float32Array.of(1), Float32Array.of(1, 2)])).toThrow(RangeError);
  expect(() => fitProjection([Float32Array.of(1)])(Float32Array.of(1, 2))).toThrow(RangeError);
});
