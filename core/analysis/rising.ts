// Tells which things have become a larger share of what happens than they used to be, beyond what
// chance would do.

export type Tally = {
  readonly value: string;
  /** Events in the window. */
  readonly count: number;
  /** Events in the baseline. */
  readonly before: number;
};

export type Totals = Pick<Tally, 'count' | 'before'>;

export type Rising = Tally & {
  /** Events that the window would have if its share were that of the baseline. */
  readonly expected: number;
  /** How many times more than expected, drawn towards 1 where numbers are small. */
  readonly growth: number;
  /** Log-likelihood ratio G²: how improbable it is by chance. */
  readonly score: number;
};

/** Added to both sides of the growth: 1 → 2 events is 1.2 times, 100 → 200 is 1.95 times. */
const pseudoCount = 5;
/** Less growth than this is nothing to tell, however certain. */
export const growthMin = 1.5;
/**
 * The chance of as large a G² without a change is 1 in 10,000 (χ², one degree of freedom):
 * thousands of things are looked at.
 */
export const scoreMin = 15.14;

/**
 * The rising ones, most improbable first. Compared are shares of all events (`totals`), not rates:
 * when the whole shop is busier, or the baseline is not full yet, nothing rises for that; without a
 * baseline nothing does at all.
 *
 * G² = 2 Σ observed × ln(observed / expected) over the table (this, the rest) × (window, baseline):
 * Dunning, "Accurate Methods for the Statistics of Surprise and Coincidence", 1993. Sound for small
 * counts, where a normal approximation is not.
 */
export function risingOf(
  tallies: readonly Tally[],
  totals: Totals,
  countMin: number,
): readonly Rising[] {
  if (totals.count === 0 || totals.before === 0) return [];
  return tallies
    .map((tally): Rising => {
      const expected = tally.before * (totals.count / totals.before);
      return {
        ...tally,
        expected,
        growth: (tally.count + pseudoCount) / (expected + pseudoCount),
        score: logLikelihoodRatio(tally, totals),
      };
    })
    .filter(
      ({ count, expected, growth, score }) =>
        count >= countMin && count > expected && growth >= growthMin && score >= scoreMin,
    )
    .toSorted((a, b) => b.score - a.score || (a.value < b.value ? -1 : 1));
}

/** 0 when both shares are the same; never below. */
export function logLikelihoodRatio({ count, before }: Totals, totals: Totals): number {
  const all = totals.count + totals.before;
  const these = count + before;
  const term = (observed: number, row: number, column: number): number =>
    observed <= 0 ? 0 : observed * Math.log((observed * all) / (row * column));
  const sum =
    term(count, these, totals.count) +
    term(before, these, totals.before) +
    term(totals.count - count, all - these, totals.count) +
    term(totals.before - before, all - these, totals.before);
  return Math.max(0, 2 * sum);
}
