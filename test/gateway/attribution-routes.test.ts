// What came of recommendations is told by the gateway that made them, from the events that carry
// their id.

import { expect, test } from 'vitest';
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
    telemetry.recommendations.stored(happened);

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
