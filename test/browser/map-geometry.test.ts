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

const named = (...names: readonly string[]) => new Map(names.entries());

describe('labels', () => {
  test('move down where they would cover another one', () => {
    const points = [
      { x: 100, y: 100 },
      { x: 110, y: 104 },
      { x: 600, y: 100 },
    ];
    const labels = labelsOf(points, named('Kettle', 'Teapot', 'Lamp'), 14);
    const [first, second, right] = labels.toSorted((a, b) => a.index - b.index);
    expect((second?.y ?? 0) - (first?.y ?? 0)).toBeGreaterThanOrEqual(14 * 1.36);
    expect([first?.isLeft, right?.isLeft, right?.y]).toEqual([false, true, first?.y]);
  });

  test.each([14, 21])('of %i pixels never cover each other, and stay within the map', (size) => {
    const point = fc.record({
      x: fc.integer({ min: 34, max: 606 }),
      y: fc.integer({ min: 34, max: 466 }),
    });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(point, fc.integer({ min: 1, max: 28 })), { maxLength: 4 }),
        (all) => {
          const names = named(...all.map(([, length]) => 'x'.repeat(length)));
          const labels = labelsOf(
            all.map(([at]) => at),
            names,
            size,
          );
          const boxes = labels.map(({ index, isLeft, x, y }) => {
            const width = (names.get(index)?.length ?? 0) * 0.58 * size;
            return { y, left: isLeft ? x - width : x, right: isLeft ? x : x + width };
          });
          for (const [i, a] of boxes.entries()) {
            expect(a.y).toBeLessThanOrEqual(500);
            for (const b of boxes.slice(i + 1))
              expect(
                Math.abs(a.y - b.y) >= 1.36 * size || a.right <= b.left || b.right <= a.left,
              ).toBe(true);
          }
        },
      ),
    );
  });
});
