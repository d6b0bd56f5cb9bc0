// Finds one product by its id, as a hit of a search.

import { typesMax } from '#core/event/event-types.ts';
import { productOfPayload } from '#core/event/stored-product.ts';
import { productText } from '#core/event/text.ts';
import {
  type CatalogueEntry,
  type CatalogueStore,
  type EventFilter,
  type SearchHit,
  type StoredEvent,
  type VectorStore,
} from '#core/ports.ts';
import { isListedIn, productsOnly } from '#core/vectors/products-only.ts';

type ReadStore = Pick<VectorStore, 'newestOfProducts' | 'events' | 'texts' | 'countsBy'> & {
  readonly catalogue: Pick<CatalogueStore, 'entries'>;
};

/** A product without matching events. */
function bareHit({ product, textId }: CatalogueEntry): SearchHit | null {
  if (product === null || textId === null) return null;
  const events = { total: 0, byType: {} };
  return { score: 1, textId, text: productText(product), product, events, newest: null };
}

/**
 * The first product with one of these ids, as its newest matching event describes it. `null`: none
 * matches.
 */
export async function productById(
  store: ReadStore,
  ids: readonly string[],
  filter: EventFilter,
): Promise<SearchHit | null> {
  const [first] = await knownOf(store, ids);
  return first === undefined ? null : hitOf(store, first, filter);
}

/** The same for each of these ids that a product has and that matches. */
export async function productsByIds(
  store: ReadStore,
  ids: readonly string[],
  filter: EventFilter,
): Promise<readonly SearchHit[]> {
  const known = await knownOf(store, ids);
  const hits = await Promise.all(known.map((product) => hitOf(store, product, filter)));
  return hits.filter((hit) => hit !== null);
}

type Known = {
  readonly id: string;
  /** Its newest event, matching or not. */
  readonly newest: StoredEvent | undefined;
  readonly listed: CatalogueEntry | undefined;
};

/** Products with events come first. */
async function knownOf(store: ReadStore, ids: readonly string[]): Promise<readonly Known[]> {
  if (ids.length === 0) return [];
  const [newest, entries] = await Promise.all([
    store.newestOfProducts(ids),
    store.catalogue.entries(ids),
  ]);
  const known = ids.map((id): Known => {
    const entry = entries.get(id);
    const listed = entry === undefined || entry.product === null ? undefined : entry;
    return { id, newest: newest.get(id), listed };
  });
  return [
    ...known.filter((product) => product.newest !== undefined),
    ...known.filter((product) => product.newest === undefined && product.listed !== undefined),
  ];
}

/** Reads everything at once, because nearly always the newest event of a product matches. */
async function hitOf(
  store: ReadStore,
  { id, newest: ofProduct, listed }: Known,
  given: EventFilter,
): Promise<SearchHit | null> {
  if ((given.productId ?? id) !== id) return null;
  const filter = { ...productsOnly(given), productId: id };
  const [[newest], counts, texts] =
    ofProduct === undefined
      ? [[], [], new Map()]
      : await Promise.all([
          store.events(filter, 1),
          store.countsBy({ by: 'eventType', filter, limit: typesMax }),
          store.texts([ofProduct.textId]),
        ]);
  const product = newest === undefined ? null : productOfPayload(newest.payload);
  if (newest === undefined || product === null)
    return listed !== undefined && isListedIn(listed, filter) ? bareHit(listed) : null;
  const { textId } = newest;
  const text = (texts.get(textId) ?? (await store.texts([textId])).get(textId))?.text;
  if (text === undefined) return null;
  return {
    score: 1,
    textId,
    text,
    product,
    events: {
      total: counts.reduce((sum, { count }) => sum + count, 0),
      byType: Object.fromEntries(counts.map(({ value, count }) => [value, count])),
    },
    newest,
  };
}
