// Finds the nearest texts that have a matching event, by the cheaper of two plans. Both give the
// same answer.
//
//   events first    the filter matches few texts: fetch those texts and rank them
//   nearest first   it matches many: fetch the nearest texts, keep those with a matching event, and
//                   widen until there are enough
//
// Which plan is cheaper shows during the search. First, the set of matching texts is requested with
// a bound. When the nearest texts turn out to match rarely, it is requested without one. An adapter
// supplies the look-ups; `Text` is the key that it uses for a text.

import type { SearchCursor } from '#core/ports.ts';

/** `auto` is for production. Tests force the other two, to check that they agree. */
export type SearchPlan = 'auto' | 'events-first' | 'nearest-first';

export type Candidate<Text> = { readonly text: Text; readonly score: number };

/** What ranks a text with a matching event among texts with the same score. */
export type Match = {
  readonly textId: string;
  /** Time of its newest matching event, UTC ms. */
  readonly newestAt: number;
};

export type Ranked<Text> = Candidate<Text> & Match;

export type SearchSpace<Text> = {
  /**
   * Texts that may have a matching event. It contains all that have one, and may contain others.
   * `null` when there are more than `max`, or when finding them costs more than it saves. With an
   * infinite `max` it may read every event, and must not return `null`.
   */
  textsOfEvents(max: number): Promise<readonly Text[] | null>;
  /**
   * The `count` nearest texts, among `within` if given, by descending score. Fewer only when there
   * are no more.
   */
  nearest(count: number, within: readonly Text[] | null): Promise<readonly Candidate<Text>[]>;
  /** One per text, in order. `null` for a text without a matching event. */
  matches(texts: readonly Text[]): Promise<readonly (Match | null)[]>;
};

/** Ranking a set of up to this many texts is faster than searching the whole index. */
export const setMax = 4_096;

/** Each widening repeats the scan, so the steps are few and large. */
const widenBy = 16;

/** Matches are rare when this many texts contain fewer than `limit` of them. */
const rareFrom = 512;

export type Wanted<Text> = {
  readonly limit: number;
  readonly plan: SearchPlan;
  readonly scoreMin: number;
  readonly except: readonly Text[];
  readonly after: SearchCursor | null;
};

/** Nothing is left out: for searches that have no pages and no lowest score. */
export const unbounded = { scoreMin: -Infinity, except: [], after: null } as const;

/** Up to `limit` texts by score, then newest event, then text id. */
export async function searchTexts<Text>(
  space: SearchSpace<Text>,
  { limit, plan, scoreMin, except, after }: Wanted<Text>,
): Promise<readonly Ranked<Text>[]> {
  let within =
    plan === 'nearest-first'
      ? null
      : await space.textsOfEvents(plan === 'auto' ? setMax : Infinity);
  const scoreMax = after?.score ?? Infinity;
  const found: Ranked<Text>[] = [];
  const seen = new Set<Text>(except);

  for (let count = Math.max(64, limit * 2 + except.length); ; count *= widenBy) {
    const candidates = await space.nearest(count, within);
    const last = candidates.at(-1)?.score ?? -Infinity;
    const isAll = candidates.length < count || last < scoreMin;
    // Texts that tie with the last one may be cut off. Leave the tie to the next, wider scan.
    const cut = isAll ? -Infinity : last;
    const fresh = candidates.filter(
      ({ text, score }) => score > cut && score >= scoreMin && score <= scoreMax && !seen.has(text),
    );

    for (let at = 0; at < fresh.length && !isEnough(found, limit, fresh[at]); at += limit) {
      const part = fresh.slice(at, at + limit);
      const matches = await space.matches(part.map(({ text }) => text));
      for (const [index, candidate] of part.entries()) {
        seen.add(candidate.text);
        const match = matches[index];
        if (match && (after === null || byRank(after, { ...candidate, ...match }) < 0))
          found.push({ ...candidate, ...match });
      }
    }
    if (isAll || found.length >= limit) break;
    if (plan === 'auto' && within === null && seen.size - except.length >= rareFrom)
      within = await space.textsOfEvents(Infinity);
  }
  return found.toSorted(byRank).slice(0, limit);
}

/**
 * `found` is ordered by descending score. It is enough only when the next candidate cannot tie with
 * the last one that is returned.
 */
function isEnough<Text>(
  found: readonly Ranked<Text>[],
  limit: number,
  next: Candidate<Text> | undefined,
): boolean {
  return (
    found.length >= limit &&
    (next === undefined || next.score < (found[limit - 1]?.score ?? -Infinity))
  );
}

function byRank(a: SearchCursor, b: SearchCursor): number {
  return (
    b.score - a.score ||
    b.newestAt - a.newestAt ||
    (a.textId < b.textId ? -1 : a.textId > b.textId ? 1 : 0)
  );
}
