// The part of a store that recommendations read, over a log in memory: the same answers as those of
// a gateway that holds the log, without one.

import type { RecommenderStore } from '#core/analysis/recommender.ts';
import { sessionNeighbours, type ProductTouch } from '#core/analysis/session-neighbours.ts';
import { meanOfTexts } from '#core/analysis/taste.ts';
import type { Count, Product, SimilarProduct, StoredEvent } from '#core/ports.ts';
import { byCount } from '#core/vectors/count-order.ts';
import type { EventLog, LoggedEvent } from './read-log.ts';

/** Vectors by product id, which also stands for the product's text. */
export type ProductVectors = ReadonlyMap<string, Float32Array>;

/** @param visits sessions to recommend to, which are not learnt from: their events, newest first */
export function createLogStore(
  { events, products }: EventLog,
  vectors: ProductVectors,
  visits: ReadonlyMap<string, readonly LoggedEvent[]>,
) {
  const newestFirst = events.toReversed();
  const byProduct = groupBy(newestFirst, ({ productId }) => productId);
  const bySession = groupBy(newestFirst, ({ sessionId }) => sessionId);
  const byUser = groupBy(newestFirst, ({ userId }) => userId);
  const countsSince = (since: number): readonly Count[] =>
    [...byProduct]
      .map(([value, touches]) => ({
        value,
        count: touches.filter(({ timestamp }) => timestamp >= since).length,
      }))
      .filter(({ count }) => count > 0)
      .toSorted(byCount);
  const learnt = new Map([...products].filter(([id]) => byProduct.has(id)));
  const nearest = nearestIn(vectors, learnt);

  return {
    async events({ userId, sessionId, eventTypes }, limit) {
      const found =
        userId === undefined && sessionId === undefined
          ? newestFirst
          : userId === undefined
            ? (visits.get(sessionId ?? '') ?? bySession.get(sessionId ?? ''))
            : byUser.get(userId);
      return (found ?? [])
        .filter(({ eventType }) => eventTypes === undefined || eventTypes.includes(eventType))
        .slice(0, limit)
        .map((event) => storedEvent(event, products));
    },
    async newestOfProducts(productIds) {
      return new Map(
        productIds.flatMap((id) => {
          const [newest] = byProduct.get(id) ?? [];
          return newest === undefined ? [] : [[id, storedEvent(newest, products)]];
        }),
      );
    },
    sessionNeighbours: neighboursIn(products, byProduct, bySession),
    async similarProducts({ textIds, filter, limit }) {
      return nearest(textIds, filter.textIds, limit);
    },
    async countsBy({ filter: { since = -Infinity }, limit }) {
      return countsSince(since).slice(0, limit);
    },
    async texts(ids) {
      return new Map(
        ids.flatMap((id) => {
          const product = products.get(id) ?? null;
          return product === null
            ? []
            : [[id, { id, text: product.name, kind: 'product' as const, product }]];
        }),
      );
    },
    async vectors(ids) {
      return new Map(
        ids.flatMap((id) => {
          const vector = vectors.get(id);
          return vector === undefined ? [] : [[id, vector]];
        }),
      );
    },
  } satisfies RecommenderStore;
}

type Touches = ReadonlyMap<string, readonly LoggedEvent[]>;

function neighboursIn(
  products: EventLog['products'],
  byProduct: Touches,
  bySession: Touches,
): RecommenderStore['sessionNeighbours'] {
  return async (request) => {
    const types = new Set(request.touchTypes);
    const newest = <T extends LoggedEvent>(found: readonly T[] | undefined, limit: number): T[] => {
      const touches: T[] = [];
      for (const event of found ?? []) {
        if (touches.length === limit) break;
        if (types.has(event.eventType)) touches.push(event);
      }
      return touches;
    };
    const { ranked, ...totals } = await sessionNeighbours<ProductTouch>(
      {
        touchesOfProducts: async (ids) =>
          ids.map((id) => newest(byProduct.get(id), request.touchesPerProduct)),
        touchesOfSessions: async (ids) =>
          ids.map((id) => newest(bySession.get(id), request.touchesPerSession)),
      },
      request,
    );
    const items = ranked.flatMap(({ newest: { productId }, ...neighbour }) => {
      const product = products.get(productId);
      return product === undefined ? [] : [{ productId, product, textId: productId, ...neighbour }];
    });
    return { items, ...totals };
  };
}

function nearestIn(vectors: ProductVectors, products: ReadonlyMap<string, Product>) {
  return (
    textIds: readonly string[],
    among: readonly string[] | undefined,
    limit: number,
  ): readonly SimilarProduct[] => {
    const mean = meanOfTexts(textIds.flatMap((id) => vectors.get(id) ?? []));
    if (mean === null) return [];
    const except = new Set(textIds);
    const found: SimilarProduct[] = [];
    for (const id of among ?? vectors.keys()) {
      const product = products.get(id);
      const vector = vectors.get(id);
      if (product === undefined || vector === undefined || except.has(id)) continue;
      let score = 0;
      for (let at = 0; at < vector.length; at++) score += (vector[at] ?? 0) * (mean[at] ?? 0);
      found.push({ product, textId: id, score });
    }
    return found.toSorted((a, b) => b.score - a.score).slice(0, limit);
  };
}

function storedEvent(event: LoggedEvent, products: EventLog['products']): StoredEvent {
  const { sessionId, userId, productId, eventType, timestamp } = event;
  const id = `${sessionId} ${productId} ${timestamp}`.slice(0, 256);
  return {
    id,
    textId: productId,
    timestamp,
    ingestedAt: timestamp,
    payload: JSON.stringify({
      event_id: id,
      timestamp: new Date(timestamp).toISOString(),
      user_id: userId,
      session_id: sessionId,
      event_type: eventType,
      product: products.get(productId),
    }),
  };
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
