// Keeps a map of the list's vectors in a component: grows with them, settles frame by frame, and
// fits the drawing.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Point } from './principal-components.ts';
import { NeighbourMap } from './tsne-layout.ts';

export const mapWidth = 640,
  mapHeight = 500,
  margin = 34;
/** Of each frame's time; the rest is for drawing and typing. */
const frameMs = 7;

export type Layout = {
  /** By the product's index in the list; `null` as long as it has no vector. */
  readonly places: readonly (Point | null)[];
  readonly placeOf: (vector: Float32Array) => Point;
};

type Growing = {
  readonly map: NeighbourMap;
  readonly list: object;
  /** Of the map's points, in the list. */ readonly indices: number[];
};

/** `list` tells one list from the next; `vectors` grow to it. Points are in the drawing's units. */
export function useLayout(list: object, vectors: readonly (Float32Array | null)[]): Layout {
  const growing = useRef<Growing | null>(null);
  const [, redraw] = useState(0);
  if (growing.current?.list !== list)
    growing.current = { map: new NeighbourMap(), list, indices: [] };
  const { map, indices } = growing.current;

  useEffect(() => {
    const there = new Set(indices);
    const fresh = vectors.flatMap((vector, index) =>
      vector === null || there.has(index) ? [] : [{ vector, index }],
    );
    map.add(fresh.map(({ vector }) => vector));
    indices.push(...fresh.map(({ index }) => index));
    // Whoever wants no motion sees the map when it rests.
    const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    let frame = 0;
    const settle = (): void => {
      const until = performance.now() + frameMs;
      while (!map.isAtRest && performance.now() < until) map.step();
      if (map.isAtRest || !isCalm) redraw((count) => count + 1);
      if (!map.isAtRest) frame = requestAnimationFrame(settle);
    };
    if (fresh.length > 0 || !map.isAtRest) frame = requestAnimationFrame(settle);
    return () => cancelAnimationFrame(frame);
  }, [map, indices, vectors]);

  const fit = fitting(map.points);
  const places = vectors.map((): Point | null => null);
  map.points.forEach((point, at) => {
    places[indices[at] ?? -1] = fit(point);
  });
  return { places, placeOf: (vector) => fit(map.place(vector)) };
}

/**
 * The map has no scale of its own: one direction may be stretched against the other by as much, to
 * fill the drawing.
 */
const stretchMax = 1.5;

/** Scales all points into the drawing. */
function fitting(points: readonly Point[]): (point: Point) => Point {
  const [left, right] = ends(points.map(({ x }) => x));
  const [top, bottom] = ends(points.map(({ y }) => y));
  const [width, height] = [right - left, bottom - top];
  // None, or all in one place: in the middle.
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
 * The product to go to from `from` (`null`: none yet) in a direction: near, and not far to the
 * side. `from` where the map ends.
 */
export function neighbourTowards(
  places: readonly (Point | null)[],
  from: number | null,
  direction: Direction,
): number | null {
  const here = from === null ? null : places[from];
  const heading = headings[direction];
  let best: { index: number; cost: number } | null = null;
  for (const [index, place] of places.entries()) {
    if (place === null || index === from) continue;
    const dx = place.x - (here?.x ?? 0),
      dy = place.y - (here?.y ?? 0);
    const ahead = dx * heading.x + dy * heading.y;
    const aside = Math.abs(dx * heading.y) + Math.abs(dy * heading.x);
    if (here != null && (ahead <= 0 || aside > 2 * ahead)) continue;
    const cost = Math.abs(ahead) + 2 * aside;
    if (best === null || cost < best.cost) best = { index, cost };
  }
  return best?.index ?? from;
}

/** The product nearest to a point of the drawing, if one is within reach. */
export function productAt(
  places: readonly (Point | null)[],
  { x, y }: Point,
  reach: number,
): number | null {
  let best: { index: number; distance: number } | null = null;
  for (const [index, place] of places.entries()) {
    if (place === null) continue;
    const distance = Math.hypot(place.x - x, place.y - y);
    if (distance <= reach && (best === null || distance < best.distance))
      best = { index, distance };
  }
  return best?.index ?? null;
}

export type LabelPlace = {
  readonly index: number;
  readonly x: number;
  readonly y: number;
  readonly isLeft: boolean;
};

/** A line of text and a little air. */
const labelHeight = 19;
const labelGap = 13;

/**
 * Where the names of these products go: beside their points, on the side with more room, moved down
 * where one would cover another.
 */
export function labelPlaces(
  places: readonly (Point | null)[],
  indices: readonly number[],
): readonly LabelPlace[] {
  const wanted = indices
    .flatMap((index) => {
      const place = places[index];
      return place == null
        ? []
        : [{ index, isLeft: place.x > mapWidth * 0.62, x: place.x, y: place.y + 4.5 }];
    })
    .toSorted((a, b) => a.y - b.y);
  const lowest = { left: -Infinity, right: -Infinity };
  return wanted.map(({ index, isLeft, x, y }) => {
    const side = isLeft ? 'left' : 'right';
    lowest[side] = Math.max(y, lowest[side] + labelHeight);
    return { index, isLeft, x: x + (isLeft ? -labelGap : labelGap), y: lowest[side] };
  });
}
