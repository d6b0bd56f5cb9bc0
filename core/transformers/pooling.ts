// Turns a graph's output into one vector per text.

export type Pooling = 'none' | 'mean' | 'cls';

/**
 * The vectors of one padded batch, each a copy of `dimensions` numbers.
 *
 * `output` is row-major: `[texts, dimensions]` for `none`, `[texts, padded, dimensions]` for `mean`
 * and `cls`. `lengths` holds the number of tokens of each text. Padding is on the right, so these
 * are the tokens that the attention mask counts.
 */
export function pool(
  output: Float32Array,
  lengths: readonly number[],
  padded: number,
  dimensions: number,
  pooling: Pooling,
): Float32Array[] {
  const stride = pooling === 'none' ? dimensions : padded * dimensions;
  return lengths.map((length, text) => {
    const start = text * stride;
    return pooling === 'mean'
      ? meanOf(output, start, length, dimensions)
      : output.slice(start, start + dimensions);
  });
}

/** Scales a vector to length 1, in place. A zero vector becomes NaN, which every check rejects. */
export function normalise(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const scale = 1 / Math.sqrt(squares);
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] ?? NaN) * scale;
  return vector;
}

function meanOf(
  output: Float32Array,
  start: number,
  length: number,
  dimensions: number,
): Float32Array {
  const sums = new Float64Array(dimensions);
  for (let row = start, end = start + length * dimensions; row < end; row += dimensions) {
    for (let i = 0; i < dimensions; i++) sums[i] = (sums[i] ?? NaN) + (output[row + i] ?? NaN);
  }
  return Float32Array.from(sums, (sum) => sum / length);
}
