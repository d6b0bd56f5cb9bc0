// Says whether a session's vectors agree with the model's reference: one verdict, shared by runner
// and gateway.

/** A text and its reference vector. */
export type GoldenCase = { readonly text: string; readonly vector: readonly number[] };

/** The least cosine to the reference that a dtype may show on the golden texts. */
export type GoldenBounds = { readonly goldenMeanMin: number; readonly goldenMin: number };

export type GoldenVerdict = {
  readonly ok: boolean;
  readonly mean: number;
  readonly min: number;
  /** One line with the figures and the bounds, for logs and refusals. */
  readonly message: string;
};

/**
 * Holds the cosines of all golden texts (-1…1, one per text) to the bounds. A cosine that is not a
 * number, or no cosine at all, is never right.
 *
 *     goldenVerdict([0.999, 0.993], { goldenMeanMin: 0.994, goldenMin: 0.98 }).ok; // true: mean 0.996, min 0.993
 */
export function goldenVerdict(cosines: readonly number[], bounds: GoldenBounds): GoldenVerdict {
  const mean = cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length;
  const min = cosines.reduce((least, cosine) => (cosine >= least ? least : cosine), Infinity);
  // Written so that NaN fails both comparisons.
  const ok = mean >= bounds.goldenMeanMin && min >= bounds.goldenMin && Number.isFinite(min);
  const figures =
    `cosine to the reference: mean ${mean.toFixed(5)} (at least ${bounds.goldenMeanMin}), ` +
    `min ${min.toFixed(5)} (at least ${bounds.goldenMin}), ${cosines.length} golden texts`;
  return { ok, mean, min, message: ok ? figures : `vectors are wrong: ${figures}` };
}
