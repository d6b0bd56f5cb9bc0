// Gives hits of a search other scores.

import type { SearchHit } from '#core/ports.ts';

/** Hits with these scores, four digits of them and at most `scoreMax`, the highest first. */
export const rescored = <T extends { readonly hit: SearchHit }>(
  hits: readonly T[],
  scoreOf: (one: T) => number,
  scoreMax: number,
): readonly T[] =>
  hits
    .map((one) => ({ one, score: scoreOf(one) }))
    .toSorted((a, b) => b.score - a.score)
    .map(({ one, score }) => ({
      ...one,
      hit: { ...one.hit, score: Math.min(scoreMax, Math.round(score * 10_000) / 10_000) },
    }));
