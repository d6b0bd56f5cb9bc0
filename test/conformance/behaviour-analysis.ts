// Behaviour analysis gives the same results for a small shop on every store: similar products,
// rising products and unmet demand.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recommend } from '#core/analysis/search-by-examples.ts';
import { tasteOf, unitOf } from '#core/analysis/taste.ts';
import { findTrends, spansOf } from '#core/analysis/trends.ts';
import { findUnmetDemand, nearestProductIn } from '#core/analysis/unmet-demand.ts';
import { uuidV5 } from '#core/event/uuid.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import type { EventRecord, EventType, TextRecord, VectorStore } from '#core/ports.ts';
import { dimensions, noon } from './store-records.ts';
import type { MakeStore, StoreHarness } from './vector-store.ts';

const minute = 60_000;
const hour = 60 * minute;
const kinds = ['jacket', 'kettle', 'shoe'] as const;
const perKind = 12;

/** A unit vector close to one axis, turned a little further for a larger `n`. */
const near = (axis: number, n: number): Float32Array => {
  const numbers = Array.from({ length: dimensions }, () => 0);
  numbers[axis] = 1;
  numbers[dimensions - 1] = n * 0.02;
  return unitOf(numbers)!;
};
const idOf = (name: string): string => uuidV5(name);

function textOf(
  name: string,
  vector: Float32Array,
  kind: 'product' | 'query' = 'product',
  productId = name,
): TextRecord {
  const provenance = {
    runnerSession: 'session-1',
    runnerName: 'runner',
    device: 'cpu',
    dtype: 'q8',
    embeddedAt: noon,
    checkedAt: noon,
  };
  const product =
    kind === 'query'
      ? null
      : { id: productId, name, description: null, category: productId.split(' ')[0]!, price: 10 };
  return { id: idOf(name), text: name, kind, product, embedding: { vector, provenance } };
}

let eventCount = 0;

function eventOf(
  userId: string,
  eventType: EventType,
  name: string,
  minutesAgo: number,
  productId = name,
): EventRecord {
  const eventId = `event ${eventCount++}`;
  const timestamp = noon - minutesAgo * minute;
  const isQuery = eventType === 'search';
  const product = isQuery
    ? null
    : { id: productId, name, description: null, category: productId.split(' ')[0]!, price: 10 };
  const searchQuery = isQuery ? name : null;
  const payload = JSON.stringify({
    event_id: eventId,
    timestamp: new Date(timestamp).toISOString(),
    user_id: userId,
    session_id: 's',
    event_type: eventType,
    product,
    search_query: searchQuery,
  });
  return {
    event: {
      eventId,
      id: idOf(eventId),
      eventType,
      timestamp,
      userId,
      sessionId: 's',
      product,
      searchQuery,
      payload,
    },
    textId: idOf(name),
    ingestedAt: noon,
  };
}

const times = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));

export function behaviourAnalysisConformance(name: string, makeStore: MakeStore): void {
  describe(`behaviour analysis: ${name}`, () => {
    let harness: StoreHarness;
    let store: VectorStore;
    beforeAll(async () => {
      harness = await makeStore({ dimensions, clock: new ManualClock(noon) });
      ({ store } = harness);
      const products = kinds.flatMap((kind, axis) =>
        times(perKind, (n) => textOf(`${kind} ${n}`, near(axis, n))),
      );
      const queries = [
        textOf('warm jacket', near(0, 3), 'query'),
        textOf('sourdough', near(5, 0), 'query'),
        textOf('sourdough starter', near(5, 4), 'query'),
        textOf('guitar strings', near(6, 0), 'query'),
      ];
      await store.putTexts([
        ...products,
        ...queries,
        textOf('jacket 3 in other words', near(0, 3.5), 'product', 'jacket 3'),
      ]);
      const usual = kinds
        .flatMap((kind) =>
          times(perKind, (n) =>
            times(8, (hours) => eventOf('crowd', 'view', `${kind} ${n}`, hours * 60 + 5 + n)),
          ),
        )
        .flat();
      const events = [
        ...usual,
        eventOf('ann', 'view', 'jacket 1', 30),
        eventOf('ann', 'add_to_cart', 'jacket 2', 20),
        eventOf('ann', 'purchase', 'jacket 3', 10),
        eventOf('ann', 'search', 'warm jacket', 40),
        eventOf('ann', 'view', 'shoe 1', 60 * 24 * 30),
        eventOf('bob', 'remove_from_cart', 'kettle 1', 600),
        eventOf('crowd', 'view', 'jacket 3 in other words', 450, 'jacket 3'),
        // Kettle 7: one view in each earlier hour, thirty events in the last hour. Shoe 4: from one
        // event to two.
        ...times(30, (n) =>
          eventOf(`u${n}`, n % 3 === 0 ? 'add_to_cart' : 'view', 'kettle 7', 1 + n),
        ),
        eventOf('u1', 'view', 'shoe 4', 15),
        ...times(60, (n) => eventOf(`u${n}`, 'search', 'warm jacket', 70 + n * 6)),
        ...times(12, (n) => eventOf(`u${n}`, 'search', 'sourdough', 3 + n)),
        ...times(10, (n) => eventOf(`u${n}`, 'search', 'sourdough starter', 4 + n)),
        ...times(2, (n) => eventOf(`u${n}`, 'search', 'guitar strings', 5 + n)),
        ...times(9, (n) => eventOf(`u${n}`, 'search', 'warm jacket', 2 + n)),
      ];
      for (let at = 0; at < events.length; at += store.batchMax.events)
        await store.putEvents(events.slice(at, at + store.batchMax.events));
    });
    afterAll(() => harness[Symbol.asyncDispose]());

    it('texts like others are nearest to their average vector, without the examples', async () => {
      const [liked, disliked] = [['jacket 1', 'shoe 1'].map(idOf), ['jacket 9'].map(idOf)];
      for (const request of [
        { liked, disliked: [] },
        { liked, disliked },
        { liked: disliked, disliked: [] },
      ]) {
        const { hits, unknown } = await recommend(store, { ...request, limit: 10, filter: {} });
        const examples = [...request.liked, ...request.disliked];
        const vectors = await store.vectors(examples);
        const side = (ids: readonly string[], weight: number) =>
          ids.map((id) => ({ vector: vectors.get(id)!, weight: weight / ids.length }));
        const expected = await store.search({
          vector: tasteOf([...side(request.liked, 1), ...side(request.disliked, -1)])!,
          limit: 50,
          filter: {},
        });
        expect(unknown).toEqual([]);
        expect(hits.map(({ textId }) => textId)).toEqual(
          expected
            .map(({ textId }) => textId)
            .filter((id) => !examples.includes(id))
            .slice(0, 10),
        );
      }
    });

    it('names an example that is not stored, and searches nothing', async () => {
      expect(
        await recommend(store, {
          liked: [idOf('jacket 1'), idOf('nothing')],
          disliked: [],
          limit: 5,
          filter: {},
        }),
      ).toEqual({ hits: [], unknown: [idOf('nothing')] });
    });

    it('ranks a planted spike first; a rise from one to two is no trend', async () => {
      const { products, categories, queries, totals } = await findTrends(store, {
        ...spansOf(noon, hour, 7),
        limit: 10,
        countMin: 5,
      });
      expect(products.map(({ text, count, before }) => [text.text, count, before])).toEqual([
        ['kettle 7', 31, 7],
      ]);
      expect(categories[0]?.value).toBe('kettle');
      expect(queries.map(({ text }) => text.text)).toEqual(['sourdough', 'sourdough starter']);
      expect(totals.count).toBe(
        (await store.events({ since: noon - hour + 1, until: noon }, 1000)).length,
      );
      expect(
        (await findTrends(store, { ...spansOf(noon, hour, 7), limit: 1, countMin: 5 })).queries,
      ).toHaveLength(1);
    });

    it('finds no trend without earlier events, or without any events', async () => {
      expect(
        await findTrends(store, { ...spansOf(noon - 8 * hour, hour, 7), limit: 10, countMin: 2 }),
      ).toMatchObject({ products: [], categories: [], queries: [] });
      expect(
        await findTrends(store, { ...spansOf(noon + 100 * hour, hour, 7), limit: 10, countMin: 2 }),
      ).toEqual({ products: [], categories: [], queries: [], totals: { count: 0, before: 0 } });
    });

    it('queries far from every product are unmet demand, grouped by meaning', async () => {
      const demand = await findUnmetDemand(store, nearestProductIn(store), {
        window: { since: noon - hour, until: noon },
        matchMin: 0.4,
        limit: 10,
        countMin: 2,
      });
      expect(
        demand.map(({ count, queryCount, queries }) => [queries[0]!.text, count, queryCount]),
      ).toEqual([
        ['sourdough', 22, 2],
        ['guitar strings', 2, 1],
      ]);
      expect(demand[0]!.queries.map(({ text, count }) => [text, count])).toEqual([
        ['sourdough', 12],
        ['sourdough starter', 10],
      ]);
      expect(demand[0]!.queries[0]!.nearest!.score).toBeLessThan(0.4);
      const narrowed = await findUnmetDemand(store, nearestProductIn(store), {
        window: { since: noon - hour, until: noon },
        matchMin: 0.4,
        limit: 1,
        countMin: 3,
      });
      expect(narrowed.map(({ count }) => count)).toEqual([22]);
    });
  });
}
