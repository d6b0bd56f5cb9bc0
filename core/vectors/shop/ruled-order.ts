// Orders hits as a shop's rules for the query say: what is hidden is left out, what is boosted
// moves, and what is pinned comes first.

import type { SearchHit } from '#core/ports.ts';
import type { RulesOfQuery } from './rules-by-query.ts';

type Scored = { readonly hit: SearchHit };

const idOf = ({ hit }: Scored): string => hit.product?.id ?? '';
const scored = <T extends Scored>(one: T, score: number): T => ({
  ...one,
  hit: { ...one.hit, score },
});

/**
 * Takes hits by descending score, at most 1, and returns them so. A pinned hit has the score 1, and
 * no boosted one has more.
 *
 * @param pinned hits of pinned products, each found by the query or not
 */
export function inRuledOrder<T extends Scored>(
  hits: readonly T[],
  { pin, hide, boost }: RulesOfQuery,
): readonly T[] {
  const shown = hits.filter((one) => !hide.has(idOf(one)));
  const pinned = pin.flatMap((id) => shown.find((one) => idOf(one) === id) ?? []);
  const others = shown.filter((one) => !pinned.includes(one));
  return [
    ...pinned.map((one) => scored(one, 1)),
    ...(boost.size === 0 ? others : boosted(others, boost)),
  ];
}

const boosted = <T extends Scored>(
  hits: readonly T[],
  factors: ReadonlyMap<string, number>,
): readonly T[] =>
  hits
    .map((one) => ({ one, score: one.hit.score * (factors.get(idOf(one)) ?? 1) }))
    .toSorted((a, b) => b.score - a.score)
    .map(({ one, score }) => scored(one, Math.min(1, Math.round(score * 10_000) / 10_000)));
