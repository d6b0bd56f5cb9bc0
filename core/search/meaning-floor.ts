// Says from which cosine on two texts have something to do with each other, for one model.

import { cosine } from '#core/vectors/vector.ts';

/** Of fewer texts nothing can be told. */
const textsMin = 8;
/** 1 of 30,000 pairs of unrelated texts is nearer than this many standard deviations. */
const deviations = 4;
const floorMax = 0.9;

/**
 * The golden texts of a model are about different things, so the cosines of their pairs show how
 * near unrelated texts are: 0.06 ± 0.08 for all-MiniLM-L6-v2, which gives 0.40. Typed nonsense
 * reaches 0.3 to 0.4 among 4,000 products, and nearly every query its product at 0.5 or more.
 */
export function meaningFloorOf(vectors: readonly (readonly number[])[]): number {
  if (vectors.length < textsMin) return -1;
  const cosines = vectors.flatMap((a, at) => vectors.slice(at + 1).map((b) => cosine(a, b)));
  const mean = cosines.reduce((sum, value) => sum + value, 0) / cosines.length;
  const variance = cosines.reduce((sum, value) => sum + (value - mean) ** 2, 0) / cosines.length;
  return Math.min(floorMax, mean + deviations * Math.sqrt(variance));
}
