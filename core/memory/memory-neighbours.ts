// Finds products in the reference vector store by the sessions of its events, and by the mean
// vector of texts.

import {
  type NeighbourSpace,
  type ProductTouch,
  sessionNeighbours,
} from '#core/analysis/session-neighbours.ts';
import { meanOfTexts } from '#core/analysis/taste.ts';
import {
  sharingProductsMax,
  type EventFilter,
  type EventRecord,
  type NeighbourProducts,
  type NeighbourRequest,
  type SharingRequest,
  type SimilarProduct,
  type SimilarRequest,
  type StoredEvent,
} from '#core/ports.ts';
import { productsOnly } from '#core/vectors/products-only.ts';
import type { SearchPlan } from '#core/vectors/search-plan.ts';
import { assertLimit } from './contract-limits.ts';
import type { MemoryRecords } from './memory-records.ts';
import { searchMemory, storedEvent } from './memory-search.ts';

type Touch = ProductTouch & { readonly record: EventRecord };

export async function memoryNeighbours(
  records: MemoryRecords,
  request: NeighbourRequest,
): Promise<NeighbourProducts> {
  assertLimit(request.touched.length, 100, 'Touched products');
  assertLimit(request.limit, 1_000, 'Neighbours');
  const space: NeighbourSpace<Touch> = {
    async touchesOfProducts(productIds) {
      const eventTypes = request.touchTypes;
      return productIds.map((productId) =>
        records
          .eventsOf({ productId, eventTypes })
          .slice(0, request.touchesPerProduct)
          .map(({ event: { sessionId, timestamp } }) => ({ sessionId, timestamp })),
      );
    },
    async touchesOfSessions(sessionIds) {
      return sessionIds.map((sessionId) =>
        touchesOf(records, { sessionId, eventTypes: request.touchTypes }, request.filter).slice(
          0,
          request.touchesPerSession,
        ),
      );
    },
  };
  const { ranked, ...totals } = await sessionNeighbours(space, request);
  return {
    ...totals,
    items: ranked.flatMap(({ newest: { productId, record }, ...neighbour }) => {
      const { product } = record.event;
      if (product === null) return [];
      const { score, sessions: count, ledBy } = neighbour;
      return [{ productId, product, textId: record.textId, score, sessions: count, ledBy }];
    }),
  };
}

function touchesOf(
  records: MemoryRecords,
  touches: EventFilter,
  filter: EventFilter,
): readonly Touch[] {
  const matching = new Set(records.eventsOf(filter));
  return records.eventsOf(touches).flatMap((record): Touch[] => {
    const { product, timestamp } = record.event;
    return product === null || !matching.has(record)
      ? []
      : [{ productId: product.id, timestamp, record }];
  });
}

export async function memorySimilar(
  records: MemoryRecords,
  { textIds, filter, limit }: SimilarRequest,
  plan: SearchPlan,
): Promise<readonly SimilarProduct[]> {
  assertLimit(textIds.length, 100, 'Texts to start from');
  assertLimit(limit, 500, 'Similar products');
  const vector = meanOfTexts(
    records
      .textsOf(textIds)
      .filter(({ isWithheld }) => !isWithheld)
      .map(({ record }) => record.embedding.vector),
  );
  if (vector === null) return [];
  const hits = await searchMemory(
    records,
    { vector, limit, filter: productsOnly(filter), exceptTextIds: textIds },
    plan,
  );
  return hits.flatMap(({ product, textId, score }) =>
    product === null ? [] : [{ product, textId, score }],
  );
}

export function newestOfProducts(
  records: MemoryRecords,
  productIds: readonly string[],
): ReadonlyMap<string, StoredEvent> {
  return new Map(
    productIds.flatMap((productId) => {
      const newest = records.eventsOf({ productId }).find(isAboutProduct);
      return newest === undefined ? [] : [[productId, storedEvent(newest)]];
    }),
  );
}

export function sharingProducts(
  records: MemoryRecords,
  { textIds, exceptProductIds }: SharingRequest,
): ReadonlyMap<string, StoredEvent> {
  assertLimit(Math.max(1, textIds.length), 300, 'Shared texts');
  assertLimit(Math.max(1, exceptProductIds.length), 300, 'Products to leave out');
  const others = new Set(
    textIds
      .flatMap((textId) => records.eventsOf({}, textId).filter(isAboutProduct))
      .flatMap(({ event: { product } }) => product?.id ?? [])
      .filter((id) => !exceptProductIds.includes(id)),
  );
  const newest = newestOfProducts(records, [...others].toSorted().slice(0, sharingProductsMax));
  return new Map([...newest].filter(([, { textId }]) => textIds.includes(textId)));
}

/** The text of a search may be its query, even when it names a product. */
const isAboutProduct = ({ event }: EventRecord): boolean => event.eventType !== 'search';
