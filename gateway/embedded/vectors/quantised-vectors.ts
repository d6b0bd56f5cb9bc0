// Vectors at a quarter of their size, which tell quickly, and for certain, which of them alone can
// be among the nearest of a query.
//
// Each is kept in 8 bits per dimension, with its own scale, and with the length of what the
// rounding took away: by the Cauchy–Schwarz inequality no inner product with a unit vector is
// further from the truth than that. So the nearest are never missed, and whoever ranks the few that
// are left by their full vectors ranks as if it had looked at all.

import { createDot, dimensionsStep, type Dot } from './dot-kernel.ts';

export type Entry = {
  readonly id: number;
  readonly isProduct: boolean;
  readonly vector: Float32Array;
};

const pageBytes = 65_536;
/** Of int8 and of int16; the sum of all products has to fit into 32 bits. */
const [byteMax, wordMax, sumMax] = [127, 32_767, 2 ** 31 - 1];
/** What the full ranking, in float32, may differ by from a sum without rounding. */
const slack = 1e-4;
/** Into which inner products are sorted: the bound is rounded down by less than 0.001. */
const buckets = 4_096;
const roomMin = 1_024;

export class QuantisedVectors {
  readonly #dimensions: number;
  /** In the memory: the query, then the results, then the vectors, in slots of so many bytes. */
  readonly #slotBytes: number;
  /** A query's largest number: so small that no sum can pass 32 bits. */
  readonly #queryMax: number;
  readonly #memory = new WebAssembly.Memory({ initial: 1 });
  readonly #dot: Dot = createDot(this.#memory);
  readonly #slots = new Map<number, number>();
  #room = 0;
  #ids = new Float64Array(0);
  #isProduct = new Uint8Array(0);
  #scales = new Float32Array(0);
  #errors = new Float32Array(0);

  constructor(dimensions: number) {
    this.#dimensions = dimensions;
    this.#slotBytes = Math.ceil(dimensions / dimensionsStep) * dimensionsStep;
    this.#queryMax = Math.floor(Math.min(wordMax, sumMax / byteMax / this.#slotBytes));
  }

  get size(): number {
    return this.#slots.size;
  }

  /** Adds a vector, which has a direction, or takes it in another's place. */
  put({ id, isProduct, vector }: Entry): void {
    const slot = this.#slots.get(id) ?? this.#slots.size;
    if (slot >= this.#room) this.#grow();
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

  /** The last takes its place. */
  delete(id: number): void {
    const slot = this.#slots.get(id);
    if (slot === undefined) return;
    const last = this.#slots.size - 1;
    this.#slots.delete(id);
    if (slot === last) return;
    const moved = this.#ids[last] ?? NaN;
    this.#slots.set(moved, slot);
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
   * Ids of entries with the `count` of the largest cosine to `query` among them, of products only
   * when asked; some more, in no order. Everything when there are no more than `count`. The query
   * is as long as the dimensions, and has a direction.
   */
  candidates(query: Float32Array, count: number, productsOnly: boolean): readonly number[] {
    const size = this.#slots.size;
    if (size === 0) return [];
    const asked = this.#quantise(
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
    const wholes = new Uint32Array(buckets);
    for (let slot = 0; slot < size; slot++) {
      const cosine = (results[slot] ?? 0) * (scales[slot] ?? 0) * asked.scale;
      cosines[slot] = cosine;
      if (productsOnly && isProduct[slot] === 0) continue;
      const bucket = bucketOf(cosine - errorOf(errors[slot] ?? 0, asked.error));
      wholes[bucket] = (wholes[bucket] ?? 0) + 1;
    }
    const least = leastOf(wholes, count);
    const found: number[] = [];
    for (let slot = 0; slot < size; slot++) {
      if (productsOnly && isProduct[slot] === 0) continue;
      if ((cosines[slot] ?? 0) + errorOf(errors[slot] ?? 0, asked.error) >= least)
        found.push(ids[slot] ?? NaN);
    }
    return found;
  }

  get #resultsAt(): number {
    return this.#slotBytes * 2;
  }

  #vectorAt(slot: number): number {
    return this.#resultsAt + this.#room * 4 + slot * this.#slotBytes;
  }

  /** By a quarter: vectors are many, and copied seldom. */
  #grow(): void {
    const [from, end] = [this.#vectorAt(0), this.#vectorAt(this.#slots.size)];
    this.#room = Math.max(roomMin, Math.ceil(this.#room * 1.25));
    const missing = this.#vectorAt(this.#room) - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / pageBytes));
    // Behind the results, of which there is room for more now.
    new Int8Array(this.#memory.buffer).copyWithin(this.#vectorAt(0), from, end);
    this.#ids = grown(this.#ids, new Float64Array(this.#room));
    this.#isProduct = grown(this.#isProduct, new Uint8Array(this.#room));
    this.#scales = grown(this.#scales, new Float32Array(this.#room));
    this.#errors = grown(this.#errors, new Float32Array(this.#room));
  }

  /**
   * Writes the unit vector of its direction in whole numbers up to `max`; times `scale` they are
   * off by a vector of the length `error`.
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

/** Of the inner product of two unit vectors, when each is known but for an error of this length. */
function errorOf(vectorError: number, queryError: number): number {
  return vectorError + queryError + vectorError * queryError + slack;
}

/** From -2, below any cosine less its error, to 1. */
function bucketOf(value: number): number {
  return Math.max(0, Math.min(buckets - 1, Math.floor(((value + 2) / 3) * buckets)));
}

/** What `count` values reach, each known by its bucket; below all when there are no more than that. */
function leastOf(wholes: Uint32Array, count: number): number {
  let above = 0;
  for (let bucket = buckets - 1; bucket > 0; bucket--) {
    above += wholes[bucket] ?? 0;
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
