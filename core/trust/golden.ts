// Says whether a session's vectors agree with the model's reference: one verdict, shared by runner
// and gateway.

import type { EmbedOutcome } from '#core/ports.ts';
import { cosine } from '#core/vectors/vector.ts';

/** A text and its reference vector. */
export type GoldenCase = { readonly text: string; readonly vector: readonly number[] };

/** The least cosine to the reference that is allowed for a dtype on the golden texts. */
export type GoldenBounds = { readonly goldenMeanMin: number; readonly goldenMin: number };

export type GoldenVerdict = {
  readonly ok: boolean;
  readonly mean: number;
  readonly min: number;
  /** One line with the figures and the bounds, for logs and refusals. */
  readonly message: string;
};

/**
 * The cosine (-1…1) between the outcome's vector and the reference vector; NaN when there is no
 * vector. Throws RangeError when the dimensions differ.
 */
export function goldenCosine(
  outcome: EmbedOutcome | undefined,
  { vector }: Pick<GoldenCase, 'vector'>,
): number {
  return outcome?.ok ? cosine(outcome.vector, vector) : NaN;
}

/**
 * Compares the cosines of all golden texts (-1…1, one per text) with the bounds. NaN, or no cosine
 * at all, always fails.
 *
 *     const bounds = { goldenMeanMin: 0.994, goldenMin: 0.98 };
 *     goldenVerdict([0.999, 0.993], bounds).ok; // true: mean 0.996, min 0.993
 */
export function goldenVerdict(cosines: readonly number[], bounds: GoldenBounds): GoldenVerdict {
  const mean = cosines.reduce((sum, value) => sum + value, 0) / cosines.length;
  const min = cosines.reduce((least, value) => (value >= least ? least : value), Infinity);
  // Written so that NaN fails both comparisons.
  const ok = mean >= bounds.goldenMeanMin && min >= bounds.goldenMin && Number.isFinite(min);
  const figures =
    `cosine to the reference: mean ${mean.toFixed(5)} (at least ${bounds.goldenMeanMin}), ` +
    `min ${min.toFixed(5)} (at least ${bounds.goldenMin}), ${cosines.length} golden texts`;
  return { ok, mean, min, message: ok ? figures : `vectors are wrong: ${figures}` };
}
