// Computes a model's least cosine of two texts that have something to do with each other.

import { at } from '#core/errors/assert.ts';
import { cosine } from '#core/vectors/vector.ts';

/** Fewer texts than this are too few to compute a floor. */
const textsMin = 8;
/** 1 of 30,000 pairs of unrelated texts is nearer than this many standard deviations. */
const deviations = 4;
const floorMax = 0.9;

/**
 * Most of a model's golden texts are about different things, so the cosines of their pairs show how
 * near unrelated texts are. The few pairs that are related are nearer than the median. So the
 * spread is that of the lower half: from the median down to where one standard deviation of a
 * normal distribution ends. For all-MiniLM-L6-v2 this gives 0.09 + 4 × 0.07 = 0.38. Typed nonsense
 * reaches 0.3 to 0.4 among 4,000 products, and nearly every query its product at 0.5 or more.
 */
export function meaningFloorOf(vectors: readonly (readonly number[])[]): number {
  if (vectors.length < textsMin) return -1;
  const cosines = vectors
    .flatMap((a, index) => vectors.slice(index + 1).map((b) => cosine(a, b)))
    .toSorted((a, b) => a - b);
  const quantile = (share: number): number => at(cosines, Math.floor(share * (cosines.length - 1)));
  const median = quantile(0.5);
  return Math.min(floorMax, median + deviations * (median - quantile(0.159)));
}
