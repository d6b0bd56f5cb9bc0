// Moves up what visitors touch more often than other hits of the same search.

import type { SearchHit } from '#core/ports.ts';
import { rescored } from './rescored.ts';

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
  if (weight === 0) return hits;
  const most = hits.reduce((max, { hit }) => Math.max(max, eventsOf(hit)), 0);
  if (most === 0) return hits;
  const exact = hits.filter(({ hit }) => hit.score === 1);
  const others = hits.filter(({ hit }) => hit.score < 1);
  const boosted = ({ hit }: T): number =>
    hit.score * (1 + weight * (Math.log1p(eventsOf(hit)) / Math.log1p(most)));
  return [...exact, ...rescored(others, boosted, scoreMax)];
}
