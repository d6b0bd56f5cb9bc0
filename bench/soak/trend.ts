// Estimates whether a noisy series rises: its Theil–Sen slope, and a lower confidence bound.

import { median } from '../figures.ts';

export type Point = { readonly x: number; readonly y: number };

export type Trend = {
  /** Units of y per unit of x: the median of the slopes of all pairs. */
  readonly slope: number;
  /**
   * The slope is at least this with 97.5 % confidence: Sen (1968), with Kendall's variance for
   * points without ties.
   */
  readonly atLeast: number;
};

/** Fewer points can look like any slope. */
const pointsMin = 10;
/** More points take long and add nothing: only every nth point is used. */
const pointsMax = 1_000;
const confidence = 1.96;

/**
 * `null` for fewer than ten points, or for points of one x. Unlike a least-squares line, it hardly
 * moves when a tenth of the values are outliers.
 */
export function trendOf(points: readonly Point[]): Trend | null {
  const step = Math.ceil(points.length / pointsMax);
  const used = points.filter((_, index) => index % step === 0);
  if (used.length < pointsMin) return null;
  const slopes: number[] = [];
  for (const [index, a] of used.entries()) {
    for (const b of used.slice(index + 1)) if (a.x !== b.x) slopes.push((b.y - a.y) / (b.x - a.x));
  }
  if (slopes.length === 0) return null;
  const sorted = Float64Array.from(slopes).toSorted();
  const n = used.length;
  const spread = confidence * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  const lowest = Math.max(0, Math.floor((sorted.length - spread) / 2));
  return { slope: median([...sorted]), atLeast: sorted[lowest] ?? Number.NaN };
}

/** Leaves out the first `share` (0…1) of the time. Points are in order of x. */
export function withoutWarmUp<P extends { readonly x: number }>(
  points: readonly P[],
  share: number,
): readonly P[] {
  const [first, last] = [points[0], points.at(-1)];
  return first === undefined || last === undefined
    ? []
    : points.filter(({ x }) => x >= first.x + share * (last.x - first.x));
}
