// Keeps the map of a list's vectors in a component: the map grows with the vectors and settles
// frame by frame.

import { useEffect, useRef, useState } from 'preact/hooks';
import { at } from '#core/errors/assert.ts';
import { fitting, type MapPoints } from './map-geometry.ts';
import type { Point } from './principal-components.ts';
import { TsneLayout } from './tsne-layout.ts';

/** The part of each frame that the layout may use; the rest is for drawing and typing. */
const frameMs = 7;

export type MapLayout = {
  readonly points: MapPoints;
  /** Where a vector that is not in the list belongs. */
  readonly pointOf: (vector: Float32Array) => Point;
};

type GrowingMap = {
  readonly layout: TsneLayout;
  readonly list: object;
  /** The product's index in the list, for each point of the layout. */
  readonly indices: number[];
};

/**
 * `list` identifies the list: another one starts another map. `vectors` has one entry per product,
 * `null` until it is embedded. Points are in the drawing's units.
 */
export function useMapLayout(list: object, vectors: readonly (Float32Array | null)[]): MapLayout {
  const growing = useRef<GrowingMap | null>(null);
  const [, render] = useState(0);
  if (growing.current?.list !== list)
    growing.current = { layout: new TsneLayout(), list, indices: [] };
  const { layout, indices } = growing.current;

  useEffect(() => {
    const known = new Set(indices);
    const added = vectors.flatMap((vector, index) =>
      vector === null || known.has(index) ? [] : [{ vector, index }],
    );
    layout.add(added.map(({ vector }) => vector));
    indices.push(...added.map(({ index }) => index));
    // A person who asked for less motion sees the map only when it rests.
    const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    let frame = 0;
    const settle = (): void => {
      const until = performance.now() + frameMs;
      while (!layout.isAtRest && performance.now() < until) layout.step();
      if (layout.isAtRest || !isCalm) render((count) => count + 1);
      if (!layout.isAtRest) frame = requestAnimationFrame(settle);
    };
    if (added.length > 0 || !layout.isAtRest) frame = requestAnimationFrame(settle);
    return () => cancelAnimationFrame(frame);
  }, [layout, indices, vectors]);

  const fit = fitting(layout.points);
  const points = vectors.map((): Point | null => null);
  layout.points.forEach((point, position) => {
    points[at(indices, position)] = fit(point);
  });
  return { points, pointOf: (vector) => fit(layout.place(vector)) };
}
