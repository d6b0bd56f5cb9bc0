// Says how far apart two correct vectors of one text may be when runners of different dtypes made
// them.

import type { GoldenBounds } from './golden.ts';

/** Used when the model's manifest has no bounds at all. */
const strictest: GoldenBounds = { goldenMeanMin: 0.998, goldenMin: 0.995 };

/** The bounds of a dtype, or those of `fp32` when the model does not name the dtype. */
export function boundsOf(
  bounds: Readonly<Record<string, GoldenBounds>>,
  dtype: string,
): GoldenBounds {
  return bounds[dtype] ?? bounds['fp32'] ?? strictest;
}

/**
 * The least cosine between a runner's vector and a trusted runner's vector of the same text. Each
 * vector may be as far from the reference as `goldenMin` of its dtype, and angles add up: cos(acos
 * a + acos b). The golden texts gave those bounds, and ordinary texts deviate more, so `strayMax`
 * times that angle is allowed.
 *
 *     // 0.928: 1.5 × (5.7° + 8.9°) = 21.9°
 *     agreementMin({ goldenMin: 0.995, … }, { goldenMin: 0.988, … })
 */
export function agreementMin(one: GoldenBounds, other: GoldenBounds): number {
  const angle = strayMax * (Math.acos(one.goldenMin) + Math.acos(other.goldenMin));
  return Math.cos(Math.min(angle, Math.PI / 2));
}

export const strayMax = 1.5;

/**
 * Result of the cross-check of one sample: a trusted runner's vector agreed or differed, or no
 * trusted runner embedded the text in time (`dropped`).
 */
export const crossCheckResults = ['agreed', 'differed', 'dropped'] as const;
export type CrossCheckResult = (typeof crossCheckResults)[number];
