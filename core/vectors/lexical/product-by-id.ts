// Finds one product by its id, as a hit of a search.

import { typesMax } from '#core/event/event-types.ts';
import { productOfPayload } from '#core/event/stored-product.ts';
import { productText } from '#core/event/text.ts';
import {
  type CatalogueEntry,
  type EventFilter,
  type SearchHit,
  type VectorStore,
} from '#core/ports.ts';
import { isListedIn, productsOnly } from '#core/vectors/products-only.ts';

type ReadStore = Pick<
  VectorStore,
  'newestOfProducts' | 'catalogue' | 'events' | 'texts' | 'countsBy'
>;

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
  given: EventFilter,
): Promise<SearchHit | null> {
  if (ids.length === 0) return null;
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
    store.countsBy({ by: 'eventType', filter, limit: typesMax }),
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
