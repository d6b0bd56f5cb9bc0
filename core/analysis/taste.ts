// Turns liked and disliked examples into one vector that represents a taste.

export type Example = {
  /** Unit length. */
  readonly vector: Float32Array;
  /** How much it is liked (above 0) or disliked (below 0). */
  readonly weight: number;
};

/** A shorter sum of unit vectors is a rounding error and has no direction. */
const lengthMin = 1e-6;

/**
 * A unit vector, or `null` when nothing is liked or the examples cancel out.
 *
 *     taste = liked + pull × (liked − disliked)
 *     pull = min(1, Σ|weights disliked| / Σ weights liked)
 *
 * where `liked` and `disliked` are weighted means. When both sides have the same weight, this is
 * Qdrant's `average_vector` (mean liked + mean liked − mean disliked). A small dislike pulls less,
 * as in Rocchio's relevance feedback (1971).
 */
export function tasteOf(examples: readonly Example[]): Float32Array | null {
  const liked = meanOf(examples.filter(({ weight }) => weight > 0));
  if (liked === null) return null;
  const disliked = meanOf(examples.filter(({ weight }) => weight < 0));
  const pull = disliked === null ? 0 : Math.min(1, disliked.weight / liked.weight);
  const taste = liked.mean.map((x, at) => x + pull * (x - (disliked?.mean[at] ?? 0)));
  return Math.hypot(...taste) < lengthMin ? null : unitOf(taste);
}

/** The direction of the mean of unit vectors, or `null` when there are none or they cancel out. */
export function meanOfTexts(vectors: readonly Float32Array[]): Float32Array | null {
  return tasteOf(vectors.map((vector) => ({ vector, weight: 1 })));
}

function meanOf(
  examples: readonly Example[],
): { readonly mean: Float64Array; readonly weight: number } | null {
  const [first] = examples;
  if (first === undefined) return null;
  // Relative to the largest weight, so that a sum of very small weights does not underflow.
  const largest = Math.max(...examples.map(({ weight }) => Math.abs(weight)));
  const total = examples.reduce((sum, { weight }) => sum + Math.abs(weight) / largest, 0);
  const mean = new Float64Array(first.vector.length);
  for (const { vector, weight } of examples) {
    const share = Math.abs(weight) / largest / total;
    for (let at = 0; at < mean.length; at++) mean[at] = (mean[at] ?? 0) + share * (vector[at] ?? 0);
  }
  return { mean, weight: total * largest };
}

/** `null` for a vector of length 0, or with components that are not finite. */
export function unitOf(vector: Iterable<number>): Float32Array | null {
  const numbers = Float64Array.from(vector);
  const largest = numbers.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  if (!(largest > 0) || !Number.isFinite(largest)) return null;
  // Scale first, because squares of very large or small numbers would overflow or underflow.
  const length = Math.hypot(...numbers.map((x) => x / largest));
  return Float32Array.from(numbers, (x) => x / largest / length);
}
