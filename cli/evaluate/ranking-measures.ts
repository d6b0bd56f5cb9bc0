// Measures of a ranked list against the right answers, and how sure their means are.

export type Measures = {
  /** 1 when at least one right answer is shown. */
  readonly hitRate: number;
  /** 1 / place of the first right answer. */
  readonly mrr: number;
  /** Discounted cumulative gain, as a share of the best possible. */
  readonly ndcg: number;
  /** The share of the right answers that is shown. */
  readonly recall: number;
};

const discount = (place: number): number => 1 / Math.log2(place + 2);

export function measure(
  ranked: readonly string[],
  wanted: ReadonlySet<string>,
  places: number,
): Measures {
  const right = ranked.slice(0, places).map((id) => wanted.has(id));
  const first = right.indexOf(true);
  const gained = right.reduce((sum, hit, place) => sum + (hit ? discount(place) : 0), 0);
  const best = Array.from({ length: Math.min(places, wanted.size) }, (_, place) =>
    discount(place),
  ).reduce((sum, gain) => sum + gain, 0);
  return {
    hitRate: first < 0 ? 0 : 1,
    mrr: first < 0 ? 0 : 1 / (first + 1),
    ndcg: best === 0 ? 0 : gained / best,
    recall: wanted.size === 0 ? 0 : right.filter(Boolean).length / wanted.size,
  };
}

const gainOf = (grades: readonly number[]): number =>
  grades.reduce((sum, grade, place) => sum + grade * discount(place), 0);

/** Does the same as `measure` for right answers with grades: higher is better, all are above 0. */
export function measureGraded(
  ranked: readonly string[],
  wanted: ReadonlyMap<string, number>,
  places: number,
): Measures {
  const shown = ranked.slice(0, places).map((id) => wanted.get(id) ?? 0);
  const best = [...wanted.values()].toSorted((a, b) => b - a).slice(0, places);
  return {
    ...measure(ranked, new Set(wanted.keys()), places),
    ndcg: best.length === 0 ? 0 : gainOf(shown) / gainOf(best),
  };
}

export const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

const resamples = 1_000;

/** The middle 95 % of the means of resamples with replacement: the bootstrap of Efron (1979). */
export function interval(
  values: readonly number[],
  random: () => number,
): readonly [low: number, high: number] {
  const means = Array.from({ length: resamples }, () =>
    mean(values.map(() => values[Math.floor(random() * values.length)] ?? 0)),
  ).toSorted((a, b) => a - b);
  return [means[Math.floor(resamples * 0.025)] ?? 0, means[Math.floor(resamples * 0.975)] ?? 0];
}
