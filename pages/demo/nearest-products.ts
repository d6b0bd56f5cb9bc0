// Ranks products by the similarity of their vectors to a query's vector.

export type Hit = {
  /** The product's index in its list. */
  readonly index: number;
  /** Cosine similarity, -1…1. */
  readonly score: number;
};

/**
 * The nearest `limit` products, best first, ties in the list's order. Products without a vector are
 * left out. All vectors must be unit vectors.
 */
export function nearest(
  vectors: readonly (Float32Array | null)[],
  query: Float32Array,
  limit: number,
): readonly Hit[] {
  return vectors
    .flatMap((vector, index) => (vector === null ? [] : [{ index, score: dot(vector, query) }]))
    .toSorted((a, b) => b.score - a.score || a.index - b.index)
    .slice(0, limit);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return Math.max(-1, Math.min(1, sum));
}
