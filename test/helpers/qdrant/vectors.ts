// Vectors as the server stores and compares them: of unit length, in single precision.

export function normalised(vector: readonly number[]): Float32Array {
  const length = Math.hypot(...vector);
  return Float32Array.from(vector, (x) => (length === 0 ? 0 : x / length));
}

/** Cosine similarity of vectors of unit length. */
export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return Math.fround(sum);
}

export function mean(vectors: readonly Float32Array[], dimensions: number): readonly number[] {
  return Array.from(
    { length: dimensions },
    (_, at) => vectors.reduce((sum, vector) => sum + (vector[at] ?? 0), 0) / vectors.length,
  );
}
