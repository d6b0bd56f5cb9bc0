// Orders hits as a shop's rules for the query say: what is hidden is left out, what is boosted
// moves, and what is pinned comes first.

import type { SearchHit } from '#core/ports.ts';
import { rescored } from './rescored.ts';
import type { RulesOfQuery } from './rules-by-query.ts';

type Scored = { readonly hit: SearchHit };

const idOf = ({ hit }: Scored): string => hit.product?.id ?? '';

/**
 * Takes hits by descending score, at most 1, and returns them so. A pinned hit has the score 1, and
 * no boosted one has more.
 */
export function inRuledOrder<T extends Scored>(
  hits: readonly T[],
  { pin, hide, boost }: RulesOfQuery,
): readonly T[] {
  const shown = hits.filter((one) => !hide.has(idOf(one)));
  const pinned = pin.flatMap((id) => shown.find((one) => idOf(one) === id) ?? []);
  const others = shown.filter((one) => !pinned.includes(one));
  const boosted = (one: T): number => one.hit.score * (boost.get(idOf(one)) ?? 1);
  return [
    ...pinned.map((one) => ({ ...one, hit: { ...one.hit, score: 1 } })),
    ...(boost.size === 0 ? others : rescored(others, boosted, 1)),
  ];
}
