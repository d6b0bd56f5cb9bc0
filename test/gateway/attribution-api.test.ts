// What came of recommendations and searches is told by the gateway that answered them, from the
// events that carry the id of the answer.

import { expect, test } from 'vitest';
import { ownEventTypes } from '#core/event/event-types.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import type { ProductEvent } from '#core/ports.ts';
import { Telemetry } from '../../gateway/telemetry/metrics/metrics.ts';
import { eventRecord, textRecord } from '../conformance/store-records.ts';
import { testApp } from './test-services.ts';

const event = (eventType: 'view' | 'purchase', members: object): ProductEvent => ({
  ...eventRecord(9, { eventType }).event,
  payload: JSON.stringify(members),
});

test('a view and a purchase with the id of an answer count for its source and place', async () => {
  const store = createMemoryStore({ dimensions: 8 });
  await store.putTexts([textRecord(1), textRecord(2)]);
  await store.putEvents([eventRecord(1), eventRecord(51), eventRecord(2, { text: 2 })]);
  const telemetry = new Telemetry();
  const { post, request } = testApp({ store, telemetry });
  const asked = await post('/recommendations', { session_id: 'nobody', limit: 2 });
  const { items, recommendation_id: id } = await asked.json();
  expect(items).toMatchObject([{ product: { id: 'p1' }, sources: ['popular'] }, {}]);

  for (const happened of [
    event('view', { recommendation_id: id }),
    event('view', { recommendation_id: id }),
    event('purchase', { recommendation_id: id }),
    event('purchase', { recommendation_id: 'of another gateway' }),
    event('view', { recommendation_id: 7 }),
    event('view', {}),
  ])
    telemetry.attribution.stored(happened, ownEventTypes.placeOf(happened.eventType));

  const found = await (await request('/stats/attribution')).json();
  expect(found.unknown_events).toBe(1);
  const shown = found.recommendations.filter((row: { shown: number }) => row.shown > 0);
  expect(shown).toMatchObject([
    {
      source: 'popular',
      place: '1',
      shown: 1,
      clicked: 1,
      purchased: 1,
      click_rate: { rate: 1 },
    },
    { source: 'popular', place: '2', shown: 1, clicked: 0, purchased: 0 },
  ]);
  const none = found.recommendations.find((row: { shown: number }) => row.shown === 0);
  expect(none.click_rate).toBeNull();
  const metrics = await (await request('/metrics')).text();
  expect(metrics).toContain(
    'vectorstream_recommended_products_total{source="popular",place="1",outcome="clicked"} 1',
  );
});

const about = (id: string, eventType: 'view' | 'purchase', members: object) => ({
  ...event(eventType, members),
  product: textRecord(Number(id.slice(1))).product,
});

test('events with the query_id of a page count for what found the hit and its place', async () => {
  const store = createMemoryStore({ dimensions: 8 });
  const texts = [1, 2, 3, 4];
  await store.putTexts(texts.map((n) => textRecord(n)));
  await store.putEvents(texts.map((n) => eventRecord(n, { text: n })));
  await store.searchRules.put({
    updatedAt: 1,
    synonyms: [],
    queries: [{ query: 'p2', pin: ['p3'], hide: [], boost: [] }],
  });
  const telemetry = new Telemetry();
  const { post, request } = testApp({ store, telemetry });
  const search = async (body: object) =>
    (await post('/search', { mode: 'words', limit: 1, ...body })).json();

  const first = await search({ query: 'p2' });
  const second = await search({ query: 'p2', cursor: first.next_cursor });
  const ids = [first, second].map(({ hits }) => hits[0].product.id);
  expect(ids).toEqual(['p3', 'p2']);
  expect(first.query_id).not.toBe(second.query_id);
  for (const happened of [
    about('p3', 'view', { query_id: first.query_id }),
    about('p2', 'view', { query_id: second.query_id, recommendation_id: 'unknown' }),
    about('p2', 'purchase', { query_id: second.query_id }),
    about('p2', 'purchase', { query_id: first.query_id }),
  ])
    telemetry.attribution.stored(happened, ownEventTypes.placeOf(happened.eventType));

  const found = await (await request('/stats/attribution')).json();
  expect(found.unknown_events).toBe(1);
  const shown = found.searches.filter((row: { shown: number }) => row.shown > 0);
  expect(shown).toMatchObject([
    { source: 'id', place: '2', shown: 1, clicked: 1, purchased: 1 },
    { source: 'rule', place: '1', shown: 1, clicked: 1, purchased: 0 },
  ]);
  expect(await (await request('/metrics')).text()).toContain(
    'vectorstream_found_products_total{source="id",place="2",outcome="purchased"} 1',
  );
});
