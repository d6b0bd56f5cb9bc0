// Moves up what visitors touch more often than other hits of the same search.

import type { SearchHit } from '#core/ports.ts';

export type Behaviour = {
  /** How much the most touched hit gains: 0.2 is a fifth of its score. 0 changes nothing. */
  readonly weight: number;
  /** The number of events of a hit. */
  readonly eventsOf: (hit: SearchHit) => number;
};

export const noBehaviour: Behaviour = { weight: 0, eventsOf: () => 0 };

/** Hits that were typed exactly have the score 1 and stay first; others stay below. */
const scoreMax = 0.9999;

/**
 * Takes hits by descending score, and returns them so:
 *
 *     score × (1 + weight × ln(1 + events) / ln(1 + events of the most touched hit))
 *
 * The logarithm keeps a bestseller from covering everything else.
 */
export function boostedByBehaviour<T extends { readonly hit: SearchHit }>(
  hits: readonly T[],
  { weight, eventsOf }: Behaviour,
): readonly T[] {
  const most = hits.reduce((max, { hit }) => Math.max(max, eventsOf(hit)), 0);
  if (weight === 0 || most === 0) return hits;
  const exact = hits.filter(({ hit }) => hit.score === 1);
  const others = hits
    .filter(({ hit }) => hit.score < 1)
    .map((one) => {
      const share = Math.log1p(eventsOf(one.hit)) / Math.log1p(most);
      return { one, score: one.hit.score * (1 + weight * share) };
    })
    .toSorted((a, b) => b.score - a.score)
    .map(({ one, score }) => ({
      ...one,
      hit: { ...one.hit, score: Math.min(scoreMax, rounded(score)) },
    }));
  return [...exact, ...others];
}

const rounded = (score: number): number => Math.round(score * 10_000) / 10_000;
