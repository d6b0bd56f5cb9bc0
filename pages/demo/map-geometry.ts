// Computes the geometry of the map's drawing: its scale, where the arrow keys lead, which product
// is under the pointer, and where labels stand. All lengths are in the units of the drawing.

import type { Point } from './principal-components.ts';

export const mapWidth = 640;
export const mapHeight = 500;
const margin = 34;

/** Points by the product's index in the list; `null` until it has a vector. */
export type MapPoints = readonly (Point | null)[];

/**
 * The map has no scale of its own. To fill the drawing, one direction may be stretched this much
 * more than the other.
 */
const stretchMax = 1.5;

/** A function that scales these points, and others beside them, into the drawing. */
export function fitting(points: readonly Point[]): (point: Point) => Point {
  const [left, right] = ends(points.map(({ x }) => x));
  const [top, bottom] = ends(points.map(({ y }) => y));
  const [width, height] = [right - left, bottom - top];
  // No points, or all in one place: they go to the middle.
  if (!(width + height > 1e-9)) return () => ({ x: mapWidth / 2, y: mapHeight / 2 });
  const [fitX, fitY] = [
    (mapWidth - 2 * margin) / Math.max(width, 1e-9),
    (mapHeight - 2 * margin) / Math.max(height, 1e-9),
  ];
  const [scaleX, scaleY] = [Math.min(fitX, fitY * stretchMax), Math.min(fitY, fitX * stretchMax)];
  return ({ x, y }) => ({
    x: mapWidth / 2 + (x - (left + right) / 2) * scaleX,
    y: mapHeight / 2 + (y - (top + bottom) / 2) * scaleY,
  });
}

const ends = (values: readonly number[]): [number, number] => [
  Math.min(...values),
  Math.max(...values),
];

export type Direction = 'ArrowUp' | 'ArrowDown' | 'ArrowLeft' | 'ArrowRight';
const headings: Readonly<Record<Direction, Point>> = {
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
};

export const isDirection = (key: string): key is Direction => Object.hasOwn(headings, key);

/**
 * The next product from `from` in a direction: near, and not far to the side. `from` itself at the
 * edge of the map. When `from` is `null`, the product nearest to the upper left corner.
 */
export function neighbourTowards(
  points: MapPoints,
  from: number | null,
  direction: Direction,
): number | null {
  const start = from === null ? null : points[from];
  const heading = headings[direction];
  let best: { index: number; cost: number } | null = null;
  for (const [index, point] of points.entries()) {
    if (point === null || index === from) continue;
    const dx = point.x - (start?.x ?? 0);
    const dy = point.y - (start?.y ?? 0);
    const ahead = dx * heading.x + dy * heading.y;
    const aside = Math.abs(dx * heading.y) + Math.abs(dy * heading.x);
    if (start != null && (ahead <= 0 || aside > 2 * ahead)) continue;
    const cost = Math.abs(ahead) + 2 * aside;
    if (best === null || cost < best.cost) best = { index, cost };
  }
  return best?.index ?? from;
}

/** The product nearest to a point of the drawing, at most `reach` away; `null` without one. */
export function productAt(points: MapPoints, { x, y }: Point, reach: number): number | null {
  let best: { index: number; distance: number } | null = null;
  for (const [index, point] of points.entries()) {
    if (point === null) continue;
    const distance = Math.hypot(point.x - x, point.y - y);
    if (distance <= reach && (best === null || distance < best.distance))
      best = { index, distance };
  }
  return best?.index ?? null;
}

export type Label = {
  readonly index: number;
  /** Where the text begins, or ends when it is to the left of its point. */
  readonly x: number;
  readonly y: number;
  readonly isLeft: boolean;
};

/** Between a point and its label. */
const labelGap = 13;
/** Of a line and of a bold character, in font sizes: a little more than most fonts need. */
const [lineHeight, charWidth] = [1.36, 0.58];

/**
 * Places the names of these products beside their points, on the side with more room. A label that
 * would cover another one moves down; at the lower edge, up.
 *
 * @param names by index, as they are written
 */
export function labelsOf(
  points: MapPoints,
  names: ReadonlyMap<number, string>,
  fontSize: number,
): readonly Label[] {
  const wanted = [...names]
    .flatMap(([index, { length }]) => {
      const point = points[index];
      if (point == null) return [];
      const width = length * charWidth * fontSize;
      const isLeft = point.x > mapWidth * 0.62 || point.x + labelGap + width > mapWidth;
      const x = point.x + (isLeft ? -labelGap : labelGap);
      const left = isLeft ? x - width : x;
      return [{ index, isLeft, x, y: point.y + fontSize / 3, left, right: left + width }];
    })
    .toSorted((a, b) => a.y - b.y);
  const height = lineHeight * fontSize;
  const placed: typeof wanted = [];
  for (const label of wanted) {
    const isFree = (y: number): boolean =>
      placed.every(
        (other) =>
          Math.abs(other.y - y) >= height || other.right <= label.left || label.right <= other.left,
      );
    const step = (direction: 1 | -1): number => {
      let { y } = label;
      while (!isFree(y)) y += direction;
      return y;
    };
    const below = step(1);
    placed.push({ ...label, y: below <= mapHeight - fontSize / 3 ? below : step(-1) });
  }
  return placed.map(({ index, isLeft, x, y }) => ({ index, isLeft, x, y }));
}
