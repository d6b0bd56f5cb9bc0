// Reads the sessions of products and the products of sessions for recommendations, each from an
// index that holds all that is read.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import {
  type NeighbourSpace,
  type ProductTouch,
  sessionNeighbours,
} from '#core/analysis/session-neighbours.ts';
import { meanOfTexts } from '#core/analysis/taste.ts';
import { productOfPayload } from '#core/event/stored-product.ts';
import {
  sharingProductsMax,
  type EventType,
  type NeighbourProducts,
  type NeighbourRequest,
  type SharingRequest,
  type SimilarProduct,
  type SimilarRequest,
  type StoredEvent,
} from '#core/ports.ts';
import { productsOnly } from '#core/vectors/products-only.ts';
import type { SearchPlan } from '#core/vectors/search-plan.ts';
import type { Statements } from './database.ts';
import { conditionOf, eventProduct } from './event-filter.ts';
import { joinTexts, newestEventFirst, selectEvent, storedEventOf, uuidOf } from './stored-rows.ts';
import type { TextReads } from './text-reads.ts';
import type { TextSearch } from './text-search.ts';
import { uuidBytes } from './uuid-bytes.ts';

export type NeighbourReads = {
  newestOfProducts(productIds: readonly string[]): readonly NewestOfProduct[];
  sharingProducts(request: SharingRequest): readonly NewestOfProduct[];
  sessionNeighbours(request: NeighbourRequest): Promise<NeighbourProducts>;
  similarProducts(
    request: SimilarRequest & { readonly plan: SearchPlan },
  ): Promise<readonly SimilarProduct[]>;
};

type NewestOfProduct = { readonly productId: string; readonly event: StoredEvent };

type Touch = ProductTouch & { readonly key: number };

export function createNeighbourReads(
  database: DatabaseSync,
  statements: Statements,
  texts: TextReads & TextSearch,
  dimensions: number,
): NeighbourReads {
  const eventByKey = database.prepare(`
    SELECT payload, texts.id AS text_id FROM events JOIN texts ON texts.key = events.text
    WHERE events.key = ?`);

  const newestOfProduct = database.prepare(`
    ${selectEvent} INDEXED BY events_by_product ${joinTexts}
    WHERE ${eventProduct} = ? AND event_type <> 'search' ${newestEventFirst} LIMIT 1`);

  const productsOfText = database.prepare(`
    SELECT product FROM product_texts INDEXED BY product_texts_by_text
    WHERE text = (SELECT key FROM texts WHERE id = ?)`);

  const newestOfProducts = (productIds: readonly string[]): readonly NewestOfProduct[] =>
    productIds.flatMap((productId) => {
      const row = newestOfProduct.get(productId);
      return row === undefined ? [] : [{ productId, event: storedEventOf(row) }];
    });

  const detailOf = ({ key }: Touch): Pick<SimilarProduct, 'product' | 'textId'> | null => {
    const row = eventByKey.get(key);
    const product = row === undefined ? null : productOfPayload(String(row['payload']));
    return product === null ? null : { product, textId: uuidOf(row?.['text_id']) };
  };

  return {
    async sessionNeighbours(request) {
      database.exec('BEGIN');
      try {
        const { ranked, ...totals } = await sessionNeighbours(
          spaceOf(statements, request),
          request,
        );
        const items = ranked.flatMap(({ newest, ...neighbour }) => {
          const detail = detailOf(newest);
          return detail === null ? [] : [{ productId: newest.productId, ...detail, ...neighbour }];
        });
        return { items, ...totals };
      } finally {
        database.exec('COMMIT');
      }
    },

    newestOfProducts,

    sharingProducts({ textIds, exceptProductIds }) {
      const shared = new Set(textIds);
      const except = new Set(exceptProductIds);
      const others = new Set(
        textIds
          .flatMap((id) => productsOfText.all(uuidBytes(id)).map((row) => String(row['product'])))
          .filter((id) => !except.has(id)),
      );
      return newestOfProducts([...others].toSorted().slice(0, sharingProductsMax)).filter(
        ({ event }) => shared.has(event.textId),
      );
    },

    async similarProducts({ textIds, filter, limit, plan }) {
      const { ids, vectors } = texts.vectors(textIds);
      const vector = meanOfTexts(
        ids.map((_, index) => vectors.subarray(index * dimensions, (index + 1) * dimensions)),
      );
      if (vector === null) return [];
      return texts.searchProducts({
        vector,
        limit,
        filter: productsOnly(filter),
        exceptTextIds: textIds,
        plan,
      });
    },
  };
}

function spaceOf(statements: Statements, request: NeighbourRequest): NeighbourSpace<Touch> {
  const { filter, touchTypes, touchesPerProduct, touchesPerSession } = request;
  const types = typesIn(touchTypes);
  const ofProduct = statements.get(`
    SELECT session_id, timestamp FROM events INDEXED BY events_by_product
    WHERE ${eventProduct} = ? AND ${types} ORDER BY timestamp DESC LIMIT ?`);
  const condition = conditionOf(filter);
  const ofSession = statements.get(`
    SELECT ${eventProduct} AS product_id, timestamp, key FROM events INDEXED BY events_by_session
    WHERE session_id = ? AND ${types} AND ${condition.sql} ORDER BY timestamp DESC LIMIT ?`);
  return {
    async touchesOfProducts(productIds) {
      return productIds.map((productId) =>
        ofProduct.all(productId, touchesPerProduct).map((row) => ({
          sessionId: String(row['session_id']),
          timestamp: Number(row['timestamp']),
        })),
      );
    },
    async touchesOfSessions(sessionIds) {
      return sessionIds.map((sessionId) =>
        ofSession.all(sessionId, ...condition.values, touchesPerSession).map(touchOf),
      );
    },
  };
}

function touchOf(row: ReturnType<StatementSync['all']>[number]): Touch {
  return {
    productId: String(row['product_id']),
    timestamp: Number(row['timestamp']),
    key: Number(row['key']),
  };
}

/** The names of types have no quotes (see `eventTypeName`), so they may stand in a statement. */
const typesIn = (types: readonly EventType[]): string =>
  `event_type IN (${types.map((type) => `'${type}'`).join(', ')})`;
