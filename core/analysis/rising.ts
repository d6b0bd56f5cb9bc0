// Finds what has become a larger share of all events than before, by more than chance explains.

export type Tally = {
  readonly value: string;
  /** Events in the window. */
  readonly count: number;
  /** Events in the baseline. */
  readonly before: number;
};

export type Totals = Pick<Tally, 'count' | 'before'>;

export type Rising = Tally & {
  /** How many events the window would have at the baseline's share. */
  readonly expected: number;
  /** How many times as many as expected, drawn towards 1 when numbers are small. */
  readonly growth: number;
  /** Log-likelihood ratio G²: the higher it is, the less likely is chance. */
  readonly score: number;
};

/** Added to both sides of the growth: 1 → 2 events is 1.17 times, 100 → 200 is 1.95 times. */
const pseudoCount = 5;
/** Less growth than this is not reported, however certain it is. */
export const growthMin = 1.5;
/**
 * Without a change, the chance of a G² this large is 1 in 10,000 (χ², one degree of freedom). It is
 * this small because thousands of values are compared.
 */
export const scoreMin = 15.14;

/**
 * The values that rise, least likely by chance first. It compares shares of all events (`totals`),
 * not rates: nothing rises just because the whole shop is busier or the baseline is not full yet.
 * Without a baseline nothing rises.
 *
 * G² = 2 Σ observed × ln(observed / expected) over the table (this, the rest) × (window, baseline):
 * Dunning, "Accurate Methods for the Statistics of Surprise and Coincidence", 1993. It is valid for
 * small counts, where a normal approximation is not.
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

/** At least 0, and 0 when both shares are the same. */
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
