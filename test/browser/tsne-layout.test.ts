// The layout of the map: near points have similar meanings, in whatever batches the vectors arrive.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TsneLayout } from '../../pages/demo/tsne-layout.ts';

const dimensions = 32;

/** Small numbers in (-0.5, 0.5) that follow from a seed. */
function noise(seed: number): () => number {
  let state = seed + 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647 - 0.5;
  };
}

/** Unit vectors around `groups` directions, in turn: group 0, 1, …, 0, 1, … */
function grouped(count: number, groups: number, seed: number): Float32Array[] {
  const next = noise(seed);
  return Array.from({ length: count }, (__, index) => {
    const vector = Float32Array.from(
      { length: dimensions },
      (_, i) => (i === index % groups ? 1 : 0) + 0.3 * next(),
    );
    const length = Math.hypot(...vector);
    return vector.map((value) => value / length);
  });
}

function settle(map: TsneLayout): TsneLayout {
  while (!map.isAtRest) map.step();
  return map;
}

/** Share of points whose nearest on the map is of their own group. */
function sameGroup(map: TsneLayout, groups: number): number {
  const { points } = map;
  const right = points.filter((point, index) => {
    const others = points.map((other, at) => ({
      at,
      distance: at === index ? Infinity : Math.hypot(point.x - other.x, point.y - other.y),
    }));
    return (
      others.reduce((best, other) => (other.distance < best.distance ? other : best)).at %
        groups ===
      index % groups
    );
  });
  return right.length / points.length;
}

test('groups stay together, whether the vectors come at once or in batches', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 8 }),
      fc.integer({ min: 5, max: 60 }),
      fc.nat(10_000),
      (groups, portion, seed) => {
        const vectors = grouped(60, groups, seed);
        const map = new TsneLayout();
        for (let at = 0; at < vectors.length; at += portion) {
          map.add(vectors.slice(at, at + portion));
          for (let i = 0; i < 10; i++) map.step();
        }
        expect(sameGroup(settle(map), groups)).toBeGreaterThanOrEqual(0.95);
      },
    ),
    { numRuns: 20 },
  );
});

test('a vector that is not on the map is placed within its group', () => {
  const [query = new Float32Array(0), ...vectors] = grouped(61, 4, 7);
  const map = new TsneLayout();
  map.add(vectors);
  const { points } = settle(map);
  const at = map.place(query);
  const distances = points
    .map(({ x, y }, index) => ({
      group: (index + 1) % 4,
      distance: Math.hypot(x - at.x, y - at.y),
    }))
    .toSorted((a, b) => a.distance - b.distance);
  expect(distances.slice(0, 5).map(({ group }) => group)).toEqual([0, 0, 0, 0, 0]);
});

test('the same vectors give the same map', () => {
  const [one, other] = [new TsneLayout(), new TsneLayout()];
  for (const map of [one, other]) map.add(grouped(30, 3, 1));
  expect(settle(one).points).toEqual(settle(other).points);
});

test('none, one, two or many equal vectors: points are finite, and the map comes to rest', () => {
  const unit = Float32Array.of(0.6, 0.8);
  const empty = new TsneLayout();
  empty.add([]);
  expect([empty.isAtRest, empty.points, empty.place(unit)]).toEqual([true, [], { x: 0, y: 0 }]);
  for (const vectors of [
    [unit],
    [unit, Float32Array.of(0.8, 0.6)],
    Array.from({ length: 40 }, () => unit),
  ]) {
    const map = new TsneLayout();
    map.add(vectors);
    let steps = 0;
    for (; !map.isAtRest; steps++) map.step();
    expect(steps).toBeLessThanOrEqual(300);
    expect(map.points).toHaveLength(vectors.length);
    expect(
      [...map.points, map.place(unit)].every(
        ({ x, y }) => Number.isFinite(x) && Number.isFinite(y),
      ),
    ).toBe(true);
  }
});

test('vectors of different dimensions are refused', () => {
  const map = new TsneLayout();
  map.add([Float32Array.of(1, 0)]);
  expect(() => map.add([Float32Array.of(1)])).toThrow(RangeError);
});
