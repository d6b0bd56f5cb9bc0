// A funnel counts the same sessions on every store: steps in order, carts left behind, searches
// that led to nothing.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownEventTypes } from '#core/event/event-types.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import type { EventType, FunnelRequest, VectorStore } from '#core/ports.ts';
import { dimensions, eventRecord, noon, textIdOf, textRecord } from './store-records.ts';
import type { MakeStore, StoreHarness } from './vector-store.ts';

const minute = 60_000;
const red = 1;
const blue = 2;
/** Texts 11 and 12 are queries. */
const [kettle, hose] = [11, 12];

/** What each session did, one minute after the other from ten hours before noon on. */
const visits: readonly (readonly (readonly [EventType, number])[])[] = [
  [
    ['search', kettle],
    ['view', red],
    ['add_to_cart', red],
    ['purchase', red],
  ],
  [
    ['view', red],
    ['add_to_cart', red],
    ['add_to_cart', blue],
    ['remove_from_cart', blue],
  ],
  [
    ['search', kettle],
    ['view', blue],
    ['search', hose],
  ],
  [
    ['view', red],
    ['purchase', red],
  ],
];

const request: FunnelRequest = {
  by: 'product',
  since: noon - 600 * minute,
  until: noon,
  idleSince: noon - 30 * minute,
  places: ownEventTypes.places,
  eventsMax: 100,
  limit: 10,
};

const group = (key: string, counts: readonly number[]) => {
  const [searched, untouched, viewed, carted, purchased, cartsLeft] = counts;
  return { key, searched, untouched, viewed, carted, purchased, cartsLeft };
};

export function funnelConformance(name: string, makeStore: MakeStore): void {
  describe(`funnel: ${name}`, () => {
    let harness: StoreHarness;
    let store: VectorStore;
    beforeAll(async () => {
      harness = await makeStore({ dimensions, clock: new ManualClock(noon) });
      ({ store } = harness);
      await store.putTexts([
        ...[red, blue].map((n) => textRecord(n)),
        ...[kettle, hose].map((n) => textRecord(n, 'query')),
      ]);
      const events = visits.flatMap((visit, session) =>
        visit.map(([eventType, text], index) => {
          const timestamp = noon - (600 - session * 100 - index) * minute;
          return eventRecord(session + 50 * index, { eventType, text, timestamp });
        }),
      );
      const active = { eventType: 'add_to_cart', text: red, timestamp: noon } as const;
      await store.putEvents([...events, eventRecord(40, active)]);
    });
    afterAll(() => harness[Symbol.asyncDispose]());

    it('counts sessions that take the steps in order, and what they leave behind', async () => {
      expect(await store.funnel(request)).toEqual({
        total: group('', [2, 1, 4, 2, 1, 1]),
        groups: [group('p1', [0, 0, 3, 2, 1, 1]), group('p2', [0, 0, 1, 0, 0, 0])],
        sessions: 5,
        events: 14,
        oldestAt: noon - 600 * minute,
      });
      expect((await store.funnel({ ...request, by: 'category', limit: 1 })).groups).toEqual([
        group('category-1', [0, 0, 3, 2, 1, 1]),
      ]);
    });

    it('types of the settings take the steps that they say', async () => {
      const places = { ...request.places, cart: [], purchase: ['add_to_cart'] };
      const { total } = await store.funnel({ ...request, places });
      expect([total.viewed, total.carted, total.purchased]).toEqual([4, 0, 0]);
      const views = { view: ['add_to_cart'], cart: ['purchase'], purchase: [] };
      const other = await store.funnel({ ...request, places: views });
      expect([other.total.viewed, other.total.carted]).toEqual([3, 1]);
    });

    it('what a session touches belongs to its last search', async () => {
      expect((await store.funnel({ ...request, by: 'query' })).groups).toEqual([
        group(textIdOf(kettle), [2, 0, 2, 1, 1, 0]),
        group(textIdOf(hose), [1, 1, 0, 0, 0, 0]),
      ]);
    });

    it('a session that may still go on has left nothing behind', async () => {
      const { total } = await store.funnel({ ...request, idleSince: noon + 1 });
      expect(total.cartsLeft).toBe(2);
      const early = await store.funnel({ ...request, idleSince: noon - 600 * minute });
      expect([early.total.cartsLeft, early.total.untouched]).toEqual([0, 0]);
    });

    it('reads the newest events of the range, and no others', async () => {
      const { events, oldestAt } = await store.funnel({ ...request, eventsMax: 3 });
      expect([events, oldestAt]).toEqual([3, noon - 300 * minute]);
      const until = noon - 301 * minute;
      expect((await store.funnel({ ...request, since: noon - 500 * minute, until })).sessions).toBe(
        2,
      );
      const none = await store.funnel({ ...request, since: noon + 1, until: noon + 2 });
      expect([none.sessions, none.groups, none.oldestAt]).toEqual([0, [], null]);
    });
  });
}
