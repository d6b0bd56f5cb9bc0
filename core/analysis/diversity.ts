// Reorders candidates so that similar ones do not crowd a list: maximal marginal relevance
// (Carbonell and Goldstein, 1998).

import type { VectorStore } from '#core/ports.ts';
import { cosine } from '#core/vectors/vector.ts';

type Candidate = { readonly textId: string; readonly score: number };

/**
 * Each place goes to the candidate with the largest
 *
 *     (1 − diversity) × score / largest score − diversity × cosine to the nearest one chosen before
 *
 * A candidate whose vector is not known counts as unlike all others.
 */
export async function diversified<T extends Candidate>(
  store: Pick<VectorStore, 'vectors'>,
  candidates: readonly T[],
  diversity: number,
): Promise<readonly T[]> {
  const vectors = await store.vectors(candidates.map(({ textId }) => textId));
  const most = candidates.reduce((max, { score }) => Math.max(max, score), 0);
  const open = candidates.map((candidate) => ({ candidate, nearest: 0 }));
  const chosen: T[] = [];
  const worth = ({ candidate, nearest }: (typeof open)[number]): number =>
    ((1 - diversity) * candidate.score) / most - diversity * nearest;
  while (open.length > 0) {
    const best = open.reduce((a, b) => (worth(b) > worth(a) ? b : a));
    open.splice(open.indexOf(best), 1);
    chosen.push(best.candidate);
    const vector = vectors.get(best.candidate.textId);
    for (const other of open) {
      const against = vectors.get(other.candidate.textId);
      if (vector !== undefined && against !== undefined)
        other.nearest = Math.max(other.nearest, cosine(vector, against));
    }
  }
  return chosen;
}
