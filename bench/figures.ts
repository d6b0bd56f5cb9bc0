// Statistics that turn measurements into figures.

/** The middle value, or the mean of the two middle ones. NaN without values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

/** The smallest value that at least `share` (0…1) of all do not exceed. NaN without values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/**
 * The median of `ours` / `theirs` over rounds. A machine that is slow for a while slows down both
 * members of a pair.
 */
export function medianRatio(
  rounds: readonly { readonly ours: number; readonly theirs: number }[],
): number {
  return median(rounds.map(({ ours, theirs }) => ours / theirs));
}

/** Slope of the least-squares line, in y per x. NaN unless two points differ in x. */
export function slope(points: readonly { readonly x: number; readonly y: number }[]): number {
  const mean = (of: (point: { readonly x: number; readonly y: number }) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [x, y] = [mean((point) => point.x), mean((point) => point.y)];
  return mean((point) => (point.x - x) * (point.y - y)) / mean((point) => (point.x - x) ** 2);
}

/** The points in the second half between the first x and the last. Points are in order of x. */
export function secondHalf<P extends { readonly x: number }>(points: readonly P[]): readonly P[] {
  const [first, last] = [points[0], points.at(-1)];
  return first === undefined || last === undefined
    ? []
    : points.filter(({ x }) => x >= (first.x + last.x) / 2);
}
