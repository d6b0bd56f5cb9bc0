// Finds products in Qdrant by the sessions of events in two round trips.

import type { Schemas } from '@qdrant/js-client-rest';
import {
  type NeighbourSpace,
  type ProductTouch,
  sessionNeighbours,
} from '#core/analysis/session-neighbours.ts';
import { productOfPayload } from '#core/event/stored-product.ts';
import { sharingProductsMax, type VectorStore } from '#core/ports.ts';
import { createReadNewest } from './newest-events.ts';
import type { QdrantCollections } from './qdrant-collections.ts';
import type { Qdrant } from './qdrant-connection.ts';
import { filterOf, isAnyText, isOneOf, isValue } from './qdrant-filter.ts';
import { eventFields, storedEvent, stringAt, timeAt } from './qdrant-points.ts';

type Touch = ProductTouch & { readonly textId: string; readonly payload: string };

type Options = { readonly qdrant: Qdrant; readonly names: QdrantCollections };

type QdrantNeighbours = Pick<
  VectorStore,
  'sessionNeighbours' | 'newestOfProducts' | 'sharingProducts'
>;

export function createQdrantNeighbours(options: Options): QdrantNeighbours {
  const newest = createReadNewest(options);

  const sessions: VectorStore['sessionNeighbours'] = async (request) => {
    const filter = filterOf(request.filter);
    if (filter === null) return { items: [], sessions: 0, touches: 0 };
    const isTouch = isOneOf('event_type', request.touchTypes);
    const space: NeighbourSpace<Touch> = {
      touchesOfProducts: (productIds) =>
        newest(
          productIds.map((id) => ({ must: [isValue('product.id', id), isTouch] })),
          request.touchesPerProduct,
          ['session_id', 'timestamp'],
          ({ payload }) => ({
            sessionId: stringAt(payload, 'session_id'),
            timestamp: timeAt(payload, 'timestamp'),
          }),
        ),
      touchesOfSessions: (sessionIds) =>
        newest(
          sessionIds.map((id) => ({
            must: [isValue('session_id', id), isTouch, ...filter.must],
          })),
          request.touchesPerSession,
          ['product', 'timestamp', 'text_id', 'payload'],
          ({ payload }) => ({
            productId: productIdAt(payload),
            timestamp: timeAt(payload, 'timestamp'),
            textId: stringAt(payload, 'text_id'),
            payload: stringAt(payload, 'payload'),
          }),
        ),
    };
    const { ranked, ...totals } = await sessionNeighbours(space, request);
    const items = ranked.flatMap(({ newest: { productId, textId, payload }, ...neighbour }) => {
      const product = productOfPayload(payload);
      return product === null ? [] : [{ productId, product, textId, ...neighbour }];
    });
    return { items, ...totals };
  };

  const isOfProduct = { must_not: [isValue('event_type', 'search')] };

  const newestOfProducts: VectorStore['newestOfProducts'] = async (productIds) => {
    if (productIds.length === 0) return new Map();
    const found = await newest(
      productIds.map((id) => ({ must: [isValue('product.id', id), isOfProduct] })),
      1,
      eventFields,
      storedEvent,
    );
    return new Map(
      productIds.flatMap((id, index) => {
        const event = found[index]?.[0];
        return event === undefined ? [] : [[id, event]];
      }),
    );
  };

  /** The products with an event that has one of these texts, a few more than are asked for. */
  const productsOfTexts = (textIds: readonly string[], limit: number): Promise<readonly string[]> =>
    options.qdrant.read('find the products of texts', async (client) => {
      const filter = { must: [isAnyText(textIds), isOfProduct] };
      const { hits } = await client.facet(options.names.events, {
        key: 'product.id',
        filter,
        limit,
        exact: true,
      });
      return hits.map(({ value }) => String(value));
    });

  return {
    sessionNeighbours: sessions,
    newestOfProducts,
    async sharingProducts({ textIds, exceptProductIds }) {
      if (textIds.length === 0) return new Map();
      const limit = exceptProductIds.length + sharingProductsMax;
      const except = new Set(exceptProductIds);
      const others = (await productsOfTexts(textIds, limit)).filter((id) => !except.has(id));
      const found = await newestOfProducts(others.toSorted().slice(0, sharingProductsMax));
      const texts = new Set(textIds);
      return new Map([...found].filter(([, { textId }]) => texts.has(textId)));
    },
  };
}

function productIdAt(payload: Schemas['Record']['payload']): string {
  const product = payload?.['product'];
  return stringAt(typeof product === 'object' ? { ...product } : null, 'id');
}
