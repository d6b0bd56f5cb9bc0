// Sparse vectors as the server keeps and compares them, with the modifier `idf`.

import { fieldsOf, type Json, listOf } from './body.ts';
import { validationError } from './qdrant-errors.ts';

/** By index. */
export type Sparse = ReadonlyMap<number, number>;

/** `path` is the vector's path in the server's messages. */
export function sparseOf(json: Json | undefined, path: string): Sparse {
  const { indices, values } = fieldsOf(json, ['indices', 'values'], 'SparseVector');
  const [at, numbers] = [listOf(indices, 'indices'), listOf(values, 'values').map(Number)];
  if (at.length !== numbers.length)
    throw validationError(
      `${path}.values: Validation error: must be the same length as indices [{}]`,
    );
  if (new Set(at).size !== at.length)
    throw validationError(`${path}.indices: Validation error: must be unique [{}]`);
  return new Map(at.map((index, n) => [Number(index), numbers[n] ?? 0]));
}

/** Scores the vectors that share an index with the query; the others are no results. */
export function sparseScores<T extends { readonly sparse: Sparse | null }>(
  query: Sparse,
  points: readonly T[],
): readonly { readonly point: T; readonly score: number }[] {
  const idfs = new Map(
    query.keys().map((index) => {
      const having = points.filter(({ sparse }) => sparse?.has(index) === true).length;
      const all = points.filter(({ sparse }) => sparse !== null).length;
      return [index, Math.fround(Math.log(1 + (all - having + 0.5) / (having + 0.5)))];
    }),
  );
  return points.flatMap((point) => {
    const shared = [...query].filter(([index]) => point.sparse?.has(index) === true);
    const score = shared.reduce(
      (sum, [index, weight]) =>
        Math.fround(sum + weight * (idfs.get(index) ?? 0) * (point.sparse?.get(index) ?? 0)),
      0,
    );
    return shared.length === 0 ? [] : [{ point, score }];
  });
}
