// Says how far two right vectors of one text may be apart when runners of different dtypes made
// them.

import type { GoldenBounds } from './golden.ts';

/** Of a dtype that the model's manifest does not name. */
const strictest: GoldenBounds = { goldenMeanMin: 0.998, goldenMin: 0.995 };

/** The bounds of a dtype; those of `fp32` where the model does not name it. */
export function boundsOf(
  bounds: Readonly<Record<string, GoldenBounds>>,
  dtype: string,
): GoldenBounds {
  return bounds[dtype] ?? bounds['fp32'] ?? strictest;
}

/**
 * The least cosine between a runner's vector and a trusted runner's. Each may be as far from the
 * reference as the least golden text of its dtype, and angles add up: cos(acos a + acos b).
 * Ordinary texts stray farther than the golden ones, which gave the bounds; `strayMax` times as far
 * is allowed.
 *
 *     agreementMin({ goldenMin: 0.995, … }, { goldenMin: 0.988, … })   // 0.928: 8.6° and 13.3°
 */
export function agreementMin(one: GoldenBounds, other: GoldenBounds): number {
  const angle = strayMax * (Math.acos(one.goldenMin) + Math.acos(other.goldenMin));
  return Math.cos(Math.min(angle, Math.PI / 2));
}

export const strayMax = 1.5;

/**
 * What became of a sample of a runner's work: a trusted runner agreed, differed, or none had time
 * for it.
 */
export const crossCheckResults = ['agreed', 'differed', 'dropped'] as const;
export type CrossCheckResult = (typeof crossCheckResults)[number];
