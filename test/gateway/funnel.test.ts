// The funnel over HTTP: rates with their intervals, names of groups, and what was not read.

import { expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import type { VectorStore } from '#core/ports.ts';
import { eventRecord, textIdOf, textRecord } from '../conformance/store-records.ts';
import { problemOf, testApp } from './test-services.ts';

const now = new ManualClock().now();
const hour = 3_600_000;

const at = (n: number, eventType: 'search' | 'view' | 'add_to_cart', text: number) =>
  eventRecord(n, { eventType, text, timestamp: now - hour });

/** Twenty sessions search and view, five of them put it into the cart, none buys. */
async function shop(): Promise<VectorStore> {
  const store = createMemoryStore({ dimensions: 8, now: () => now });
  await store.putTexts([textRecord(1), textRecord(11, 'query')]);
  const sessions = Array.from({ length: 20 }, (_, n) => n);
  await store.putEvents([
    ...sessions.map((n) => at(n, 'search', 11)),
    ...sessions.map((n) => at(n + 50, 'view', 1)),
    ...sessions.slice(0, 5).map((n) => at(n + 100, 'add_to_cart', 1)),
  ]);
  return store;
}

const funnel = async (store: VectorStore, query: string) => {
  const response = await testApp({ store }).request(`/funnel?${query}`);
  return { status: response.status, body: await response.json() };
};

test('rates come with their intervals, and without sessions there is no rate', async () => {
  const { status, body } = await funnel(await shop(), 'by=product');
  expect(status).toBe(200);
  expect(body).toMatchObject({
    events: 45,
    sessions: 20,
    is_complete: true,
    since: new Date(now - 24 * hour).toISOString(),
    total: { searched: 20, searches_left: 0, viewed: 20, carted: 5, purchased: 0, carts_left: 5 },
    groups: [{ key: 'p1', name: 'Text 1', viewed: 20, searches_left_rate: null }],
  });
  const { cart_rate: rate, purchase_rate: bought } = body.total;
  expect(rate.rate).toBe(0.25);
  expect(rate.interval_95[0]).toBeCloseTo(0.1119, 4);
  expect(rate.interval_95[1]).toBeCloseTo(0.4687, 4);
  expect([bought.rate, bought.interval_95[0]]).toEqual([0, 0]);
});

test('groups are named, and all sessions are no group', async () => {
  const store = await shop();
  const byQuery = (await funnel(store, 'by=query')).body;
  expect(byQuery.groups).toMatchObject([{ key: textIdOf(11), name: 'Text 11', carted: 5 }]);
  const byCategory = (await funnel(store, 'by=category')).body;
  expect(byCategory.groups).toMatchObject([{ key: 'category-1', name: 'category-1' }]);
  expect((await funnel(store, '')).body.groups).toEqual([]);
});

test('a range that holds too many events says where it begins', async () => {
  const store = await shop();
  const asked: number[] = [];
  const { body } = await funnel(
    {
      ...store,
      funnel: async (request) => {
        asked.push(request.eventsMax);
        return { ...(await store.funnel(request)), events: request.eventsMax, oldestAt: now - 5 };
      },
    },
    '',
  );
  expect(asked).toEqual([20_000]);
  expect([body.is_complete, body.since]).toEqual([false, new Date(now - 5).toISOString()]);
});

test('a range that ends before it begins is refused', async () => {
  const query = 'since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z';
  const response = await testApp({ store: await shop() }).request(`/funnel?${query}`);
  expect(await problemOf(response)).toMatchObject({
    status: 422,
    detail: 'since: must not be after until',
  });
});
