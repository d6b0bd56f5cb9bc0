// The map's geometry: points fill the drawing, arrow keys move to a near product, the pointer finds
// the nearest one, and labels do not cover each other.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  fitting,
  labelsOf,
  mapHeight,
  mapWidth,
  neighbourTowards,
  productAt,
} from '../../pages/demo/map-geometry.ts';

const coordinate = fc.double({ min: -1e6, max: 1e6, noNaN: true });

describe('the drawing', () => {
  test('holds every point of any map', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ x: coordinate, y: coordinate })), (points) => {
        for (const { x, y } of points.map(fitting(points))) {
          expect(x).toBeGreaterThanOrEqual(0);
          expect(x).toBeLessThanOrEqual(mapWidth);
          expect(y).toBeGreaterThanOrEqual(0);
          expect(y).toBeLessThanOrEqual(mapHeight);
        }
      }),
    );
  });

  test('shows a single point, or many in one place, in the middle', () => {
    const point = { x: 7, y: -3 };
    for (const points of [[], [point], [point, point]])
      expect(fitting(points)(point)).toEqual({ x: mapWidth / 2, y: mapHeight / 2 });
  });
});

describe('an arrow key', () => {
  //  0 . 1
  //  . 2 .
  const points = [{ x: 100, y: 100 }, { x: 300, y: 100 }, { x: 200, y: 300 }, null];

  test('moves to a product in its direction', () => {
    expect(neighbourTowards(points, 0, 'ArrowRight')).toBe(1);
    expect(neighbourTowards(points, 1, 'ArrowDown')).toBe(2);
    expect(neighbourTowards(points, 1, 'ArrowLeft')).toBe(0);
  });

  test('stays at the edge of the map', () => {
    expect(neighbourTowards(points, 0, 'ArrowUp')).toBe(0);
    expect(neighbourTowards([], null, 'ArrowUp')).toBeNull();
  });

  test('begins in the upper left corner', () => {
    expect(neighbourTowards(points, null, 'ArrowDown')).toBe(0);
  });
});

test('the pointer finds the nearest product within reach', () => {
  const points = [null, { x: 10, y: 10 }, { x: 20, y: 10 }];
  expect(productAt(points, { x: 17, y: 10 }, 26)).toBe(2);
  expect(productAt(points, { x: 100, y: 100 }, 26)).toBeNull();
});

test('a label moves down where it would cover another one', () => {
  const points = [
    { x: 100, y: 100 },
    { x: 110, y: 104 },
    { x: 600, y: 100 },
  ];
  const [first, second, right] = labelsOf(points, [0, 1, 2]).toSorted((a, b) => a.index - b.index);
  expect(second?.y).toBe((first?.y ?? 0) + 19);
  expect([first?.isLeft, right?.isLeft]).toEqual([false, true]);
});
