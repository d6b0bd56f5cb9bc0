// Says how far apart two correct vectors of one text may be when runners of different dtypes made
// them.

import { cosine } from '#core/vectors/vector.ts';
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

/** As `strayMax`, for the mean of many texts, which strays less. */
const meanStrayMax = 1.25;
const meanTexts = 20;

/** The least mean cosine over many texts, from the mean cosines of the golden texts. */
export function meanAgreementMin(one: GoldenBounds, other: GoldenBounds): number {
  const angle = meanStrayMax * (Math.acos(one.goldenMeanMin) + Math.acos(other.goldenMeanMin));
  return Math.cos(Math.min(angle, Math.PI / 2));
}

/**
 * The checks of one runner's work together. Each allows more than an honest runner needs, so a
 * runner could move all of its vectors by that much, such as towards one product. The mean of its
 * last twenty checks must be nearer.
 */
export class MeanAgreement {
  readonly #checks: { readonly found: number; readonly min: number }[] = [];

  /** `found`: the cosine of a check that agreed. `false`: the mean is too low. */
  add(found: number, min: number): boolean {
    this.#checks.push({ found, min });
    if (this.#checks.length > meanTexts) this.#checks.shift();
    const excess = this.#checks.reduce((sum, check) => sum + check.found - check.min, 0);
    return this.#checks.length < meanTexts || excess >= 0;
  }

  /** Of the last checks. */
  get mean(): number {
    return this.#checks.reduce((sum, { found }) => sum + found, 0) / this.#checks.length;
  }
}

/** The vector of one text by a runner of one owner. */
export type Vote = {
  readonly runnerSession: string;
  readonly owner: string;
  readonly dtype: string;
  readonly vector: Float32Array;
};

/** The least number of owners, one of whom can be outvoted. */
export const votersMin = 3;

/**
 * What runners of different owners say together, where none is trusted: which of them more than
 * half of the `voters` contradict. Whoever was asked and did not answer contradicts nobody. Right
 * vectors agree with each other whatever their dtypes, so a right one is safe until more than half
 * of the voters are wrong. `agreed`: nobody differs. `disputed`: some differ, and nobody knows who
 * is right.
 */
export function outvoted(
  votes: readonly Vote[],
  voters: number,
  bounds: Readonly<Record<string, GoldenBounds>>,
): readonly Vote[] | 'agreed' | 'disputed' {
  const contradict = (a: Vote, b: Vote): boolean =>
    a !== b &&
    cosine(a.vector, b.vector) < agreementMin(boundsOf(bounds, a.dtype), boundsOf(bounds, b.dtype));
  const against = (vote: Vote): number => votes.filter((other) => contradict(vote, other)).length;
  if (votes.every((vote) => against(vote) === 0)) return 'agreed';
  const wrong = votes.filter((vote) => 2 * against(vote) > voters);
  return wrong.length > 0 ? wrong : 'disputed';
}

/**
 * Result of the cross-check of one sample: it agreed or differed, or nobody embedded the text in
 * time (`dropped`). `disputed`: untrusted runners differ, and nobody knows who is right.
 */
export const crossCheckResults = ['agreed', 'differed', 'disputed', 'dropped'] as const;
export type CrossCheckResult = (typeof crossCheckResults)[number];
