// Searches products by words and by meaning at once, and ranks what either has found.
//
// The two lists are fused by their ranks (reciprocal rank fusion, Cormack et al. 2009), because
// their scores cannot be compared. Words count twice: who types a word of a name means it. A hit
// that has only some of the words counts for less. A product whose id or whole name was typed is
// first.

import { productOfPayload } from '#core/event/stored-product.ts';
import type { EventFilter, SearchHit, VectorStore } from '#core/ports.ts';
import { isAboutProducts, isProductIn } from '#core/vectors/products-only.ts';
import { type Behaviour, boostedByBehaviour } from '#core/vectors/shop/behaviour-boost.ts';
import { asListed } from '#core/vectors/shop/catalogue-hits.ts';
import { createLookAhead, type LookAhead } from '#core/vectors/shop/look-ahead.ts';
import { inRuledOrder } from '#core/vectors/shop/ruled-order.ts';
import type { RulesOfQuery } from '#core/vectors/shop/rules-by-query.ts';
import { productById, productsByIds } from './product-by-id.ts';
import { searchByWords, type WordHit } from './word-search.ts';

export type Matched = 'id' | 'words' | 'meaning';

/** `hit.score` is its place among all: 1 for what was typed exactly, else between 0 and 1. */
export type FusedHit = { readonly hit: SearchHit; readonly matched: readonly Matched[] };

export type HybridSearch = {
  readonly query: string;
  /** `null`: by words alone. */
  readonly vector: Float32Array | null;
  /** Limited to the texts of the brands: see brand-filter.ts. */
  readonly filter: EventFilter;
  /** Only products of the catalogue with one of these brands; `null`: all. */
  readonly brands: readonly string[] | null;
  /** Leaves out products of which the shop has none left. */
  readonly inStock: boolean;
  /** The lowest cosine of a hit by meaning. */
  readonly cosineMin: number;
  readonly rules: RulesOfQuery;
  readonly behaviour: Behaviour;
};

type SearchedStore = Pick<
  VectorStore,
  | 'search'
  | 'searchWords'
  | 'newestOfProducts'
  | 'sharingProducts'
  | 'catalogue'
  | 'events'
  | 'texts'
  | 'countsBy'
>;

/** How many hits of each list are fused. */
export const fusedFrom = 100;
/** Smaller ones favour the first ranks. */
const rankOffset = 20;
const wordsWeight = 2;
const idLengthMax = 256;

/**
 * Searches by id, words and meaning. Returns at most `2 * fusedFrom + 1` hits, one for each
 * product, and those that a rule has added, which nothing has `matched`.
 */
export async function hybridSearch(
  store: SearchedStore,
  search: HybridSearch,
): Promise<readonly FusedHit[]> {
  const { query, vector, filter, brands, inStock, cosineMin, rules, behaviour } = search;
  const { alternatives } = rules;
  const limit = fusedFrom;
  const ahead = createLookAhead(store, limit, isAboutProducts(filter));
  const { onCandidates } = ahead;
  const lookedUp = { ...store, catalogue: ahead.catalogue };
  const [byId, pinned, byWords, byMeaning] = await Promise.all([
    productById(lookedUp, idsOf(query.trim()), filter),
    productsByIds(lookedUp, rules.pin, filter),
    searchByWords(store, { query, alternatives, filter, limit, onCandidates }),
    vector === null
      ? []
      : store.search({ vector, filter, limit, scoreMin: cosineMin }, onCandidates),
  ]);
  const listed = { filter, brands, inStock };
  const sharing = await withSharing(ahead, fused(byId, byWords, byMeaning), filter);
  const found = distinctProducts(await asListed(ahead.catalogue, sharing, listed));
  const added = await pinnedOnly(ahead, found, { pinned, ...listed });
  return inRuledOrder([...boostedByBehaviour(found, behaviour), ...added], rules);
}

/** The ids of a product that was typed in any case. */
const idsOf = (typed: string): readonly string[] =>
  typed.length > idLengthMax
    ? []
    : [...new Set([typed, typed.toUpperCase(), typed.toLowerCase()])].filter((id) => id !== '');

type Pinned = Pick<HybridSearch, 'filter' | 'brands' | 'inStock'> & {
  readonly pinned: readonly SearchHit[];
};

/** The pinned products that the query has not found. */
async function pinnedOnly(
  { catalogue }: LookAhead,
  found: readonly FusedHit[],
  { pinned, ...listed }: Pinned,
): Promise<readonly FusedHit[]> {
  const has = new Set(found.map(({ hit }) => hit.product?.id));
  const missing = pinned.filter(({ product }) => !has.has(product?.id));
  // Without those that share a text with a pinned one.
  const own = { entries: catalogue.entries, ofTexts: async () => [] };
  return asListed(
    own,
    missing.map((hit) => ({ hit, matched: [] })),
    listed,
  );
}

type Fusion = {
  readonly hit: SearchHit;
  readonly matched: Matched[];
  sum: number;
  isExact: boolean;
};

function fused(
  byId: SearchHit | null,
  byWords: readonly WordHit[],
  byMeaning: readonly SearchHit[],
): readonly FusedHit[] {
  const found = new Map<string, Fusion>();
  const add = (hit: SearchHit, matched: Matched, share: number, isExact = false): void => {
    const fusion = found.get(hit.textId) ?? { hit, matched: [], sum: 0, isExact: false };
    found.set(hit.textId, fusion);
    fusion.matched.push(matched);
    fusion.sum += share;
    fusion.isExact ||= isExact;
  };
  if (byId !== null) add(byId, 'id', wordsWeight, true);
  for (const [rank, { hit, match }] of byWords.entries())
    add(hit, 'words', (wordsWeight * match.share ** 2) / (rankOffset + rank + 1), match.isWhole);
  for (const [rank, hit] of byMeaning.entries()) add(hit, 'meaning', 1 / (rankOffset + rank + 1));

  const sumMax = (wordsWeight + 1) / (rankOffset + 1);
  const ranked = [...found.values()].toSorted(
    (a, b) => Number(b.isExact) - Number(a.isExact) || b.sum - a.sum,
  );
  return ranked.map(({ hit, matched, sum, isExact }) => {
    const score = isExact ? 1 : Math.round((sum / sumMax) * 9_999) / 10_000;
    return { hit: { ...hit, score }, matched };
  });
}

/** Several texts of one product are one hit. A query is not a product. */
function distinctProducts(hits: readonly FusedHit[]): readonly FusedHit[] {
  const seen = new Set<string>();
  return hits.filter(({ hit }) => {
    const key = hit.product?.id ?? hit.textId;
    return !seen.has(key) && seen.add(key);
  });
}

/**
 * A text names one product. Others with the same text follow it, unless the filter chooses events
 * by more than their product: then it is not known whether they have such an event.
 */
async function withSharing(
  store: LookAhead,
  hits: readonly FusedHit[],
  filter: EventFilter,
): Promise<readonly FusedHit[]> {
  if (hits.length === 0 || !isAboutProducts(filter)) return hits;
  const sharing = await store.sharingProducts({
    textIds: [...new Set(hits.map(({ hit }) => hit.textId))],
    exceptProductIds: [...new Set(hits.flatMap(({ hit }) => hit.product?.id ?? []))],
  });
  const others = Map.groupBy(sharing.values(), ({ textId }) => textId);
  return hits.flatMap((found) => [
    found,
    ...(others.get(found.hit.textId) ?? []).flatMap((newest): FusedHit[] => {
      const product = productOfPayload(newest.payload);
      if (product === null || !isProductIn(product, filter)) return [];
      return [{ ...found, hit: { ...found.hit, product, newest } }];
    }),
  ]);
}
