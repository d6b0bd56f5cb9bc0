// Finds the nearest texts that have a matching event, by whichever of two plans is cheap, with the
// same answer either way.
//
//   events first    the filter matches few texts: take that set, and rank it
//   nearest first   it matches many: take the nearest texts, keep those with a matching event, widen until there are enough
//
// Which one is cheap shows on the way: the set is asked for with a bound, and when the nearest
// texts turn out to match rarely, without one. An adapter supplies the look-ups; `Text` is whatever
// it names a text by.

import type { SearchCursor } from '#core/ports.ts';

/** `auto` is for production; tests force the other two to hold them equal. */
export type SearchPlan = 'auto' | 'events-first' | 'nearest-first';

export type Candidate<Text> = { readonly text: Text; readonly score: number };

/** Where a text with a matching event stands among texts of the same score. */
export type Match = {
  readonly textId: string;
  /** Of its newest matching event, UTC ms. */ readonly newestAt: number;
};

export type Ranked<Text> = Candidate<Text> & Match;

export type SearchSpace<Text> = {
  /**
   * Texts that may have a matching event: none is missing, some may be too many. `null` when there
   * are more than `max`, or when finding out costs more than it saves; with `max` infinite every
   * event may be looked at.
   */
  textsOfEvents(max: number): Promise<readonly Text[] | null>;
  /**
   * The `count` nearest texts, of those in `within` when given, by descending score. Fewer only
   * when there are no more.
   */
  nearest(count: number, within: readonly Text[] | null): Promise<readonly Candidate<Text>[]>;
  /** One per text, in order; `null` for a text without a matching event. */
  matches(texts: readonly Text[]): Promise<readonly (Match | null)[]>;
};

/** A set of texts up to this size is ranked faster than the whole index. */
const setMax = 4_096;

/** Widening repeats a scan: few, large steps. */
const widenBy = 16;

/** So many texts looked at without `limit` matches among them mean that matches are rare. */
const rareFrom = 512;

export type Wanted<Text> = {
  readonly limit: number;
  readonly plan: SearchPlan;
  readonly scoreMin: number;
  readonly except: readonly Text[];
  readonly after: SearchCursor | null;
};

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
    // Texts that tie with the last one may lie behind the cut: they wait for the next, wider look.
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
 * `found` is by descending score. It is enough only when the next candidate cannot tie with the
 * last that counts.
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
