// Projects vectors onto the plane on which they differ most (principal component analysis).

import { at } from '#core/errors/assert.ts';

export type Point = { readonly x: number; readonly y: number };

/** The axes are fitted to this many vectors, picked evenly: more would hardly change them. */
const fittedMax = 512;
const roundsMax = 200;
/** An axis that turns by less than this in a round, as 1 − cosine, has been found. */
const turnMin = 1e-10;
/** The part of the ramp in the first guess of an axis. */
const rampShare = 0.2;

/**
 * Finds the two directions of greatest variance by power iteration. The returned function projects
 * a vector, fitted or not, onto the plane along them, with the mean of the fitted vectors as the
 * origin. The same vectors give the same plane.
 *
 *     fitProjection([
 *       [3, 0, 1],
 *       [1, 0, 1],
 *       [2, 1, 1],
 *     ])([3, 0, 1]); // { x: 1, y: -0.33 }
 *
 * @throws RangeError when dimensions differ, as does the returned function
 */
export function fitProjection(vectors: readonly Float32Array[]): (vector: Float32Array) => Point {
  const dimensions = vectors[0]?.length ?? 0;
  const wrong = vectors.find((vector) => vector.length !== dimensions);
  if (wrong !== undefined)
    throw new RangeError(
      `Cannot lay out a vector of ${wrong.length} dimensions with one of ${dimensions}.`,
    );
  const step = Math.max(1, vectors.length / fittedMax);
  const fitted = Array.from({ length: Math.min(vectors.length, fittedMax) }, (_, index) =>
    at(vectors, Math.floor(index * step)),
  );
  const mean = new Float64Array(dimensions);
  for (const vector of fitted) addScaled(mean, vector, 1 / fitted.length);
  const rows = fitted.map((vector) =>
    Float64Array.from(vector, (value, i) => value - (mean[i] ?? 0)),
  );

  const first = leadingAxis(rows, dimensions, []);
  const second = leadingAxis(rows, dimensions, [first]);
  const atMean = { x: dot(mean, first), y: dot(mean, second) };
  return (vector) => {
    if (vector.length !== dimensions)
      throw new RangeError(
        `Cannot place a vector of ${vector.length} dimensions among those of ${dimensions}.`,
      );
    return { x: dot(vector, first) - atMean.x, y: dot(vector, second) - atMean.y };
  };
}

/**
 * The unit direction of greatest variance of centred rows, at right angles to `others`. All zeros
 * when there is no variance left.
 */
function leadingAxis(
  rows: readonly Float64Array[],
  dimensions: number,
  others: readonly Float64Array[],
): Float64Array {
  // The longest row has a part along the leading direction, unless it lies along another one: the
  // ramp that is added gives it some of each.
  const longest = rows.reduce(
    (best, row) => (residue(row, others) > residue(best, others) ? row : best),
    new Float64Array(dimensions),
  );
  const start = unit(longest);
  addScaled(start, unit(longest.map((_, i) => (i % 7) - 3.1)), rampShare);
  let axis = unit(orthogonalised(start, others));
  // What remains is no more than rounding errors of float32: there is no variance.
  if (Math.sqrt(residue(longest, others)) <= 1e-6) return new Float64Array(dimensions);
  for (let round = 0; round < roundsMax; round++) {
    const turned = new Float64Array(dimensions);
    for (const row of rows) addScaled(turned, row, dot(row, axis));
    const next = unit(orthogonalised(turned, others));
    const turn = 1 - dot(next, axis);
    axis = next;
    if (turn < turnMin) break;
  }
  // Both signs are equally good. The sign that makes the largest part positive is always the same.
  const largest = axis.reduce(
    (best, value) => (Math.abs(value) > Math.abs(best) ? value : best),
    0,
  );
  return largest < 0 ? axis.map((value) => -value) : axis;
}

/** A row's squared length without its parts along `others`. */
function residue(row: Float64Array, others: readonly Float64Array[]): number {
  return dot(row, row) - others.reduce((sum, other) => sum + dot(row, other) ** 2, 0);
}

/** Removes the vector's parts along `others`, in place. */
function orthogonalised(vector: Float64Array, others: readonly Float64Array[]): Float64Array {
  for (const other of others) addScaled(vector, other, -dot(vector, other));
  return vector;
}

function unit(vector: Float64Array): Float64Array {
  const length = Math.sqrt(dot(vector, vector));
  return length === 0 ? vector : vector.map((value) => value / length);
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

function addScaled(to: Float64Array, from: ArrayLike<number>, scale: number): void {
  for (let i = 0; i < to.length; i++) to[i] = (to[i] ?? 0) + (from[i] ?? 0) * scale;
}
