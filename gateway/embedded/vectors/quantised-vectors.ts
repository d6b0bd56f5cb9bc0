// Keeps vectors at a quarter of their size, and finds quickly a few candidates that always include
// the nearest vectors of a query.
//
// Each vector has 8 bits per dimension, its own scale, and the length of its rounding error. By the
// Cauchy–Schwarz inequality, an inner product with a unit vector is off by at most that length. So
// the nearest are never missed, and to rank the candidates by their full vectors gives the same
// result as to rank all vectors. README.md has an example.

import { at } from '#core/errors/assert.ts';
import { createDot, dimensionsStep, type Dot } from './dot-kernel.ts';

type VectorEntry = {
  readonly id: number;
  readonly isProduct: boolean;
  readonly vector: Float32Array;
};

const pageBytes = 65_536;
/** The largest int8 and int16, and the largest sum of all products. */
const [byteMax, wordMax, sumMax] = [127, 32_767, 2 ** 31 - 1];
/** How far the full ranking, in float32, may be from a sum without rounding. */
const float32Error = 1e-4;
/** Buckets into which cosines are counted. Each is less than 0.001 wide. */
const buckets = 4_096;
const capacityMin = 1_024;

export class QuantisedVectors {
  readonly #dimensions: number;
  /** The memory holds the query, the results, then the vectors in slots of this size. */
  readonly #slotBytes: number;
  /** The largest component of a quantised query, so that no sum exceeds 32 bits. */
  readonly #queryMax: number;
  readonly #memory = new WebAssembly.Memory({ initial: 1 });
  readonly #dot: Dot = createDot(this.#memory);
  readonly #slots = new Map<number, number>();
  #capacity = 0;
  #ids = new Float64Array(0);
  #isProduct = new Uint8Array(0);
  #scales = new Float32Array(0);
  #errors = new Float32Array(0);

  constructor(dimensions: number) {
    this.#dimensions = dimensions;
    this.#slotBytes = Math.ceil(dimensions / dimensionsStep) * dimensionsStep;
    this.#queryMax = Math.floor(Math.min(wordMax, sumMax / byteMax / this.#slotBytes));
  }

  /** Adds a vector or replaces the one with the same id. The vector must not be zero. */
  put({ id, isProduct, vector }: VectorEntry): void {
    const slot = this.#slots.get(id) ?? this.#slots.size;
    if (slot >= this.#capacity) this.#grow();
    this.#slots.set(id, slot);
    const { scale, error } = this.#quantise(
      vector,
      byteMax,
      new Int8Array(this.#memory.buffer, this.#vectorAt(slot), this.#dimensions),
    );
    this.#ids[slot] = id;
    this.#isProduct[slot] = Number(isProduct);
    this.#scales[slot] = scale;
    this.#errors[slot] = error;
  }

  /** The last vector moves to the free slot. */
  delete(id: number): void {
    const slot = this.#slots.get(id);
    if (slot === undefined) return;
    const last = this.#slots.size - 1;
    this.#slots.delete(id);
    if (slot === last) return;
    this.#slots.set(at(this.#ids, last), slot);
    new Int8Array(this.#memory.buffer).copyWithin(
      this.#vectorAt(slot),
      this.#vectorAt(last),
      this.#vectorAt(last + 1),
    );
    for (const column of [this.#ids, this.#isProduct, this.#scales, this.#errors])
      column.copyWithin(slot, last, last + 1);
  }

  clear(): void {
    this.#slots.clear();
  }

  /**
   * Ids that include the `count` vectors (with `productsOnly`, products) of the largest cosine to
   * `query`, and some more, in no order; all ids when there are at most `count`. The query has as
   * many components as the vectors, and must not be zero.
   */
  candidates(query: Float32Array, count: number, productsOnly: boolean): readonly number[] {
    const size = this.#slots.size;
    if (size === 0) return [];
    const quantisedQuery = this.#quantise(
      query,
      this.#queryMax,
      new Int16Array(this.#memory.buffer, 0, this.#dimensions),
    );
    this.#dot(this.#vectorAt(0), this.#vectorAt(size), 0, this.#slotBytes, this.#resultsAt);
    const results = new Int32Array(this.#memory.buffer, this.#resultsAt, size);

    const [scales, errors, isProduct, ids] = [
      this.#scales,
      this.#errors,
      this.#isProduct,
      this.#ids,
    ];
    const cosines = new Float64Array(size);
    const counts = new Uint32Array(buckets);
    for (let slot = 0; slot < size; slot++) {
      const cosine = (results[slot] ?? 0) * (scales[slot] ?? 0) * quantisedQuery.scale;
      cosines[slot] = cosine;
      if (productsOnly && isProduct[slot] === 0) continue;
      const bucket = bucketOf(cosine - errorOf(errors[slot] ?? 0, quantisedQuery.error));
      counts[bucket] = (counts[bucket] ?? 0) + 1;
    }
    const least = reachedBy(counts, count);
    const found: number[] = [];
    for (let slot = 0; slot < size; slot++) {
      if (productsOnly && isProduct[slot] === 0) continue;
      if ((cosines[slot] ?? 0) + errorOf(errors[slot] ?? 0, quantisedQuery.error) >= least)
        found.push(at(ids, slot));
    }
    return found;
  }

  get #resultsAt(): number {
    return this.#slotBytes * 2;
  }

  #vectorAt(slot: number): number {
    return this.#resultsAt + this.#capacity * 4 + slot * this.#slotBytes;
  }

  /** Grows by a quarter: vectors are many, and growing copies them rarely. */
  #grow(): void {
    const [from, end] = [this.#vectorAt(0), this.#vectorAt(this.#slots.size)];
    this.#capacity = Math.max(capacityMin, Math.ceil(this.#capacity * 1.25));
    const missing = this.#vectorAt(this.#capacity) - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / pageBytes));
    // The results now take more space, so the vectors behind them move.
    new Int8Array(this.#memory.buffer).copyWithin(this.#vectorAt(0), from, end);
    this.#ids = grown(this.#ids, new Float64Array(this.#capacity));
    this.#isProduct = grown(this.#isProduct, new Uint8Array(this.#capacity));
    this.#scales = grown(this.#scales, new Float32Array(this.#capacity));
    this.#errors = grown(this.#errors, new Float32Array(this.#capacity));
  }

  /**
   * Writes the vector, scaled to unit length, as integers from -`max` to `max`. Multiplied by
   * `scale`, they differ from the unit vector by a vector of length `error`.
   */
  #quantise(
    vector: Float32Array,
    max: number,
    into: Int8Array | Int16Array,
  ): { readonly scale: number; readonly error: number } {
    let squares = 0,
      largest = 0;
    for (const value of vector) {
      squares += value * value;
      largest = Math.max(largest, Math.abs(value));
    }
    const length = Math.sqrt(squares);
    const scale = largest / length / max;
    let errorSquares = 0;
    for (let index = 0; index < vector.length; index++) {
      const value = (vector[index] ?? 0) / length;
      const whole = Math.round(value / scale);
      into[index] = whole;
      errorSquares += (value - whole * scale) ** 2;
    }
    return { scale, error: Math.sqrt(errorSquares) };
  }
}

/** Bound on the error of an inner product of two unit vectors that have errors of these lengths. */
function errorOf(vectorError: number, queryError: number): number {
  return vectorError + queryError + vectorError * queryError + float32Error;
}

/** The buckets go from -2, which is below any cosine minus its error, to 1. */
function bucketOf(value: number): number {
  return Math.max(0, Math.min(buckets - 1, Math.floor(((value + 2) / 3) * buckets)));
}

/**
 * A value that at least `count` of the counted values reach, rounded down to its bucket;
 * `-Infinity` when there are fewer values.
 */
function reachedBy(counts: Uint32Array, count: number): number {
  let above = 0;
  for (let bucket = buckets - 1; bucket > 0; bucket--) {
    above += counts[bucket] ?? 0;
    if (above >= count) return (bucket / buckets) * 3 - 2;
  }
  return -Infinity;
}

function grown<Column extends Float64Array | Float32Array | Uint8Array>(
  from: Column,
  to: Column,
): Column {
  to.set(from);
  return to;
}
