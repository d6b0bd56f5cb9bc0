// Brings the hits that are shown up to date while events arrive: each stays in its place, and those
// that are new wait until the person asks for them.

import type { SearchResult } from '../../../client/client.ts';

/** The same hits in the same order, with what the newer answer says about them. */
export function withNewest(shown: SearchResult, newer: SearchResult): SearchResult {
  const byId = new Map(newer.hits.map((hit) => [hit.text_id, hit]));
  return { ...shown, hits: shown.hits.map((hit) => byId.get(hit.text_id) ?? hit) };
}

/** How many hits of the newer answer are not shown. */
export function newHits(shown: SearchResult, newer: SearchResult): number {
  const known = new Set(shown.hits.map(({ text_id: id }) => id));
  return newer.hits.filter(({ text_id: id }) => !known.has(id)).length;
}
