// Searches products by words and by meaning at once, and ranks what either has found.
//
// The two lists are fused by their ranks (reciprocal rank fusion, Cormack et al. 2009), because
// their scores cannot be compared. Words count twice: who types a word of a name means it. A hit
// that has only some of the words counts for less. A product whose id or whole name was typed is
// first.

import { productOfPayload } from '#core/event/stored-product.ts';
import { productText } from '#core/event/text.ts';
import {
  type CatalogueEntry,
  type EventFilter,
  eventTypes,
  type SearchHit,
  type VectorStore,
} from '#core/ports.ts';
import {
  isAboutProducts,
  isListedIn,
  isProductIn,
  productsOnly,
} from '#core/vectors/products-only.ts';
import { asListed } from '#core/vectors/shop/catalogue-hits.ts';
import { searchByWords, type WordHit } from './word-search.ts';

export type Matched = 'id' | 'words' | 'meaning';

/** `hit.score` is its place among all: 1 for what was typed exactly, else between 0 and 1. */
export type FusedHit = { readonly hit: SearchHit; readonly matched: readonly Matched[] };

export type HybridSearch = {
  readonly query: string;
  /** `null`: by words alone. */
  readonly vector: Float32Array | null;
  readonly filter: EventFilter;
  /** Leaves out products of which the shop has none left. */
  readonly inStock: boolean;
  /** The lowest cosine of a hit by meaning. */
  readonly cosineMin: number;
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
 * product.
 */
export async function hybridSearch(
  store: SearchedStore,
  { query, vector, filter, inStock, cosineMin }: HybridSearch,
): Promise<readonly FusedHit[]> {
  const [byId, byWords, byMeaning] = await Promise.all([
    productById(store, query.trim(), filter),
    searchByWords(store, { query, filter, limit: fusedFrom }),
    vector === null ? [] : store.search({ vector, filter, limit: fusedFrom, scoreMin: cosineMin }),
  ]);
  const found = await withSharing(store, fused(byId, byWords, byMeaning), filter);
  return distinctProducts(await asListed(store.catalogue, found, { filter, inStock }));
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
  store: SearchedStore,
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

/** A product without matching events. */
function bareHit({ product, textId }: CatalogueEntry): SearchHit | null {
  if (product === null || textId === null) return null;
  const events = { total: 0, byType: {} };
  return { score: 1, textId, text: productText(product), product, events, newest: null };
}

/** The product with this id, in any case, as its newest matching event describes it. */
async function productById(
  store: SearchedStore,
  id: string,
  given: EventFilter,
): Promise<SearchHit | null> {
  if (id === '' || id.length > idLengthMax) return null;
  const ids = [...new Set([id, id.toUpperCase(), id.toLowerCase()])];
  const [known, entries] = await Promise.all([
    store.newestOfProducts(ids),
    store.catalogue.entries(ids),
  ]);
  const [listed] = entries.values().filter(({ product }) => product !== null);
  const [productId = listed?.id] = known.keys();
  if (productId === undefined || (given.productId ?? productId) !== productId) return null;
  const filter = { ...productsOnly(given), productId };
  const [newest] = await store.events(filter, 1);
  const product = newest === undefined ? null : productOfPayload(newest.payload);
  if (newest === undefined || product === null)
    return listed !== undefined && isListedIn(listed, filter) ? bareHit(listed) : null;
  const [texts, counts] = await Promise.all([
    store.texts([newest.textId]),
    store.countsBy({ by: 'eventType', filter, limit: eventTypes.length }),
  ]);
  const text = texts.get(newest.textId)?.text;
  if (text === undefined) return null;
  return {
    score: 1,
    textId: newest.textId,
    text,
    product,
    events: {
      total: counts.reduce((sum, { count }) => sum + count, 0),
      byType: Object.fromEntries(counts.map(({ value, count }) => [value, count])),
    },
    newest,
  };
}
