// Decides whether a vector may be stored, and how similar two vectors are.

/**
 * How far the length of a unit vector may differ from 1, in float32 and with any dtype of the
 * model.
 */
const lengthTolerance = 1e-3;

/** `null` for a finite unit vector of that dimension, else one line that says what is wrong. */
export function vectorProblem(vector: Float32Array, dimensions: number): string | null {
  if (vector.length !== dimensions)
    return `the vector has ${vector.length} dimensions, the index has ${dimensions}`;
  let squares = 0;
  for (const value of vector) squares += value * value;
  // Squares of float32 cannot overflow a float64, so the sum is finite exactly when every component
  // is.
  if (!Number.isFinite(squares)) {
    const index = vector.findIndex((value) => !Number.isFinite(value));
    return `component ${index} of the vector is ${vector[index]}, not a finite number`;
  }
  const length = Math.sqrt(squares);
  if (Math.abs(length - 1) > lengthTolerance)
    return `the vector's length is ${length.toPrecision(6)}, not 1`;
  return null;
}

/** The components as numbers of nine digits, which distinguish all float32 numbers. */
export const shortNumbers = (vector: Float32Array | readonly number[]): number[] =>
  Array.from(vector, (component) => Number(component.toPrecision(9)));

/**
 * Cosine similarity, -1…1; 0 when a vector has length 0.
 *
 * @throws RangeError when the dimensions differ
 */
export function cosine(
  a: Float32Array | readonly number[],
  b: Float32Array | readonly number[],
): number {
  if (a.length !== b.length)
    throw new RangeError(
      `Cannot compare a vector of ${a.length} dimensions with one of ${b.length}.`,
    );
  let dot = 0,
    squaresA = 0,
    squaresB = 0;
  for (let index = 0; index < a.length; index++) {
    const x = a[index] ?? 0,
      y = b[index] ?? 0;
    dot += x * y;
    squaresA += x * x;
    squaresB += y * y;
  }
  if (squaresA === 0 || squaresB === 0) return 0;
  // Rounding may take parallel vectors beyond ±1.
  return Math.max(-1, Math.min(1, dot / Math.sqrt(squaresA * squaresB)));
}
