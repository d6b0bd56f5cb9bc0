// Every vector store finds and counts exactly what a check of each text and event would.

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { type EventFilter, eventTypes, type SearchHit } from '#core/ports.ts';
import type { SearchPlan } from '#core/vectors/search-plan.ts';
import {
  dimensions,
  eventIdOf,
  eventRecord,
  noon,
  queryVector,
  textIdOf,
  textRecord,
} from './store-records.ts';
import type { MakeStore, StoreHarness } from './vector-store.ts';

/** Every search plan that a store can be set to. */
export const searchPlans: readonly SearchPlan[] = ['auto', 'events-first', 'nearest-first'];

/** Uses a catalogue in which many texts share a vector and many events share a millisecond. */
export function vectorSearchConformance(name: string, makeStore: MakeStore): void {
  describe(`vector search: ${name}`, () => {
    const clock = new ManualClock(noon);
    const reference = createMemoryStore({
      dimensions,
      searchPlan: 'nearest-first',
      now: () => clock.now(),
    });
    let harness: StoreHarness;
    beforeAll(async () => {
      harness = await makeStore({ dimensions, clock });
      for (const store of [reference, harness.store]) {
        await store.putTexts(
          Array.from({ length: textCount }, (_, n) =>
            textRecord(n, n % 5 === 0 ? 'query' : 'product'),
          ),
        );
        await store.putEvents(
          Array.from({ length: eventCount }, (_, n) => {
            const text = Math.floor(textCount * (((n * 7919) % eventCount) / eventCount) ** 2);
            const product = n % 11 === 0 ? { productId: 'twin' } : {};
            return eventRecord(n, {
              text,
              timestamp: noon + ((n * 31) % 40),
              eventType: text % 5 === 0 ? 'search' : eventTypes[n % 5]!,
              ...product,
            });
          }),
        );
      }
    });
    afterAll(() => harness[Symbol.asyncDispose]());

    const kinds = async (filter: EventFilter) =>
      new Set(
        (await harness.store.search({ vector: queryVector, limit: 500, filter })).map(
          ({ product }) => (product === null ? 'query' : 'product'),
        ),
      );

    it('a hit is a text with its product, its matching events by type and the newest', async () => {
      const filter = { userId: 'user-3', eventTypes: ['view', 'purchase'] } as const;
      const hits = await harness.store.search({ vector: queryVector, limit: 5, filter });
      expect(hits.length).toBe(5);
      for (const { textId, text, product, events, newest } of hits) {
        const all = await harness.store.events({ ...filter, textIds: [textId] }, 1000);
        expect([events.total, newest]).toEqual([all.length, all[0]]);
        expect(Object.values(events.byType).reduce((sum, count) => sum + count, 0)).toBe(
          events.total,
        );
        expect(product).toMatchObject({ name: text });
      }
    });

    it('counts and finds events of types that the settings add', async () => {
      const { store } = harness;
      const filter = { eventTypes: ['click'] };
      const before = await store.events(filter, 10);
      await store.putEvents([
        eventRecord(90_001, { text: 1, eventType: 'click', productId: 'clicked' }),
      ]);
      const [hit] = await store.search({ vector: queryVector, limit: 5, filter });
      const newest = (await store.newestOfProducts(['clicked'])).get('clicked');
      const counted = await store.countsBy({ by: 'eventType', filter, limit: 5 });
      await store.erasureStore.eraseEvents({
        subject: { kind: 'event', id: eventIdOf(90_001) },
        until: noon,
      });
      expect([before, hit?.textId, hit?.events]).toEqual([
        [],
        textIdOf(1),
        { total: 1, byType: { click: 1 } },
      ]);
      expect([newest?.id, counted]).toEqual([eventIdOf(90_001), [{ value: 'click', count: 1 }]]);
    });

    it('leaves out the texts of queries unless the filter includes searches', async () => {
      expect(await kinds({})).toEqual(new Set(['product']));
      expect(await kinds({ eventTypes: ['search'] })).toEqual(new Set(['query']));
      expect(await kinds({ eventTypes: ['search', 'view'] })).toEqual(
        new Set(['product', 'query']),
      );
    });

    it('finds for every filter and limit what a check of each event would', async () => {
      await fc.assert(
        fc.asyncProperty(filters, fc.constantFrom(1, 3, 10, 100, 1000), async (filter, limit) => {
          const [expected, found] = await Promise.all(
            [reference, harness.store].map((store) =>
              store.search({ vector: queryVector, limit, filter }),
            ),
          );
          expect(found!.map(withoutScore)).toEqual(expected!.map(withoutScore));
          for (const [index, { score }] of found!.entries())
            expect(score).toBeCloseTo(expected![index]!.score, 5);
        }),
        { numRuns: 80 },
      );
    });

    it('excludes low scores and given texts, and continues after any hit', async () => {
      const changes = fc.record(
        {
          scoreMin: fc.constantFrom(-1, 0.2, 0.5, 2),
          exceptTextIds: fc.array(fc.integer({ min: 0, max: textCount + 10 }).map(textIdOf), {
            maxLength: 60,
          }),
        },
        { requiredKeys: [] },
      );
      await fc.assert(
        fc.asyncProperty(
          fc.oneof(fc.constant({}), filters),
          fc.constantFrom(7, 50),
          changes,
          async (filter, limit, change) => {
            const request = { vector: queryVector, limit, filter, ...change };
            const all = await reference.search({ ...request, limit: 1000 });
            expect(
              all.every(
                ({ score, textId }) =>
                  score >= (change.scoreMin ?? -1) && !change.exceptTextIds?.includes(textId),
              ),
            ).toBe(true);
            const found: string[] = [];
            for (
              let page = await harness.store.search(request);
              page.length > 0;
              page = await harness.store.search({ ...request, after: placeOf(page.at(-1)!) })
            ) {
              expect(page.length).toBeLessThanOrEqual(limit);
              found.push(...page.map(({ textId }) => textId));
            }
            expect(found).toEqual(all.map(({ textId }) => textId));
          },
        ),
        { numRuns: 12 },
      );
    });

    it('counts events by text, category and type as a check of each event would', async () => {
      await fc.assert(
        fc.asyncProperty(
          filters,
          fc.constantFrom('textId', 'category', 'eventType'),
          async (filter, by) => {
            expect(await harness.store.countsBy({ by, filter, limit: 10_000 })).toEqual(
              await reference.countsBy({ by, filter, limit: 10_000 }),
            );
            const [few, all] = [
              await harness.store.countsBy({ by, filter, limit: 3 }),
              await reference.countsBy({ by, filter, limit: 3 }),
            ];
            expect(few.map(({ count }) => count)).toEqual(all.map(({ count }) => count));
          },
        ),
        { numRuns: 60 },
      );
    });

    it('lists for every filter the events that a check of each event would', async () => {
      await fc.assert(
        fc.asyncProperty(filters, fc.constantFrom(1, 20, 1000), async (filter, limit) => {
          const [expected, found] = await Promise.all(
            [reference, harness.store].map((store) => store.events(filter, limit)),
          );
          expect(found).toEqual(expected);
          const last = expected!.at(-1) ?? { timestamp: noon, id: eventIdOf(0) };
          expect(await harness.store.events(filter, limit, last)).toEqual(
            await reference.events(filter, limit, last),
          );
        }),
        { numRuns: 40 },
      );
    });
  });
}

const textCount = 180;
const eventCount = 900;

const placeOf = ({ score, newest, textId }: SearchHit) => ({
  score,
  newestAt: newest?.timestamp ?? 0,
  textId,
});

const withoutScore = ({ score: _score, ...hit }: SearchHit) => hit;

/** Every member present or absent; values that match many, few and no events. */
const filters: fc.Arbitrary<EventFilter> = fc.record(
  {
    eventTypes: fc.subarray([...eventTypes]),
    categories: fc.subarray(['category-0', 'category-1', 'category-2', 'no such category']),
    userId: fc.constantFrom('user-0', 'user-3', 'no such user'),
    sessionId: fc.constantFrom('session-1', 'session-20', 'no such session'),
    textIds: fc.array(fc.integer({ min: 0, max: textCount + 10 }).map(textIdOf), { maxLength: 20 }),
    productId: fc.constantFrom('p1', 'twin', 'no such product'),
    priceMin: fc.constantFrom(0, 5, 12.5, 1_000),
    priceMax: fc.constantFrom(-1, 5, 12.5, 1_000),
    since: fc.integer({ min: noon - 1, max: noon + 41 }),
    until: fc.integer({ min: noon - 1, max: noon + 41 }),
  },
  { requiredKeys: [] },
);
