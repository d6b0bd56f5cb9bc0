// GET /texts: every stored text once, with its vector, who computed it and how many events it has.

import { expect, test } from 'vitest';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import {
  dimensions,
  eventRecord,
  noon,
  textIdOf,
  textRecord,
  unit,
} from '../conformance/store-records.ts';
import { clientOf, problemOf, testApp } from './test-services.ts';

async function shop(texts: number) {
  const store = createMemoryStore({ dimensions });
  await store.putTexts(Array.from({ length: texts }, (_, n) => textRecord(n)));
  const app = testApp({ store });
  const client = clientOf(app);
  return { store, client, ...app };
}

test('every text is on exactly one page, in the order of ids, with its own vector', async () => {
  const { client, store } = await shop(23);
  const pages = await Array.fromAsync(client.texts.pages({ limit: 10 }));
  expect(pages.map(({ items }) => items.length)).toEqual([10, 10, 3]);
  const items = pages.flatMap((page) => page.items);
  const ids = Array.from({ length: 23 }, (_, n) => textIdOf(n)).toSorted();
  expect(items.map(({ text_id: id }) => id)).toEqual(ids);
  const held = await store.vectors(ids);
  expect(new Map(items.map(({ text_id: id, vector }) => [id, vector]))).toEqual(held);
});

test('a text has its product, its provenance, and its events by type', async () => {
  const { store, request } = await shop(1);
  await store.putEvents([
    eventRecord(1, { text: 0 }),
    eventRecord(2, { text: 0 }),
    eventRecord(3, { text: 0, eventType: 'purchase' }),
  ]);
  const time = new Date(noon).toISOString();
  expect(await (await request('/texts')).json()).toEqual({
    items: [
      {
        text_id: textIdOf(0),
        text: 'Text 0',
        kind: 'product',
        product: textRecord(0).product,
        vector: [...unit(0)],
        provenance: {
          runner_session: 'session-1',
          runner_name: 'runner',
          device: 'cpu',
          dtype: 'q8',
          embedded_at: time,
          checked_at: time,
        },
        events: { total: 3, by_type: { view: 2, purchase: 1 } },
      },
    ],
    next_cursor: null,
    model: { id: 'sentence-transformers/all-MiniLM-L6-v2', revision: 'v'.repeat(64) },
  });
});

test('a withheld vector is absent, and its text stays', async () => {
  const { store, request } = await shop(1);
  await store.provenanceStore.withhold({ runnerSession: 'session-1', since: 0 });
  const page = await (await request('/texts')).json();
  expect(page).toMatchObject({ items: [{ text: 'Text 0', vector: null, provenance: null }] });
});

test('a page is bounded, and a cursor that was not given is refused', async () => {
  const { request } = await shop(1);
  expect((await request('/texts?limit=257')).status).toBe(422);
  const refused = await problemOf(await request('/texts?cursor=1'));
  expect(refused).toMatchObject({ status: 422, code: 'validation_failed' });
});
