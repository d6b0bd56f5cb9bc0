// The catalogue over HTTP, on the reference store.

import { expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { embedCatalogue } from '#core/pipeline/catalogue-texts.ts';
import type { TextToStore } from '#core/pipeline/text-resolver.ts';
import type { VectorStore } from '#core/ports.ts';
import { problemOf, testApp } from './test-services.ts';

const kettle = {
  id: 'k-1',
  name: 'Enamel kettle',
  category: 'Kitchen',
  price: 20,
  brand: 'Aga',
  image: 'https://shop.example/k.jpg',
  stock: 3,
  attributes: { litres: 2 },
};
const lines = { 'content-type': 'application/x-ndjson' };

function shop(env: Record<string, string> = {}) {
  const store = createMemoryStore({ dimensions: 3 });
  const { request, post } = testApp({ store }, env);
  const send = (method: string, path: string, body?: object) =>
    request(path, {
      method,
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
    });
  const get = async (id: string) => (await request(`/products/${id}`)).json();
  const found = async (body: object) =>
    (await (await post('/search', { query: 'kettle', mode: 'words', ...body })).json()).hits;
  return { store, request, post, send, get, found };
}

const provenance = {
  runnerSession: 's',
  runnerName: 'r',
  device: 'cpu',
  dtype: 'q8',
  embeddedAt: 0,
  checkedAt: 0,
};

/** Embeds what waits, as the gateway does in the background, and then stops. */
async function embed(store: VectorStore): Promise<readonly string[]> {
  const clock = new ManualClock();
  const stop = new AbortController();
  const failed: string[] = [];
  const vector = Float32Array.from([1, 0, 0]);
  const ensure = async ({ textId, text, kind, event }: TextToStore) => {
    if (text.includes('bad'))
      return {
        ok: false,
        reason: 'embedding_failed',
        message: 'no',
        attempts: 1,
        runner: null,
      } as const;
    const embedding = { vector, provenance };
    await store.putTexts([{ id: textId, text, kind, product: event.product, embedding }]);
    return { ok: true } as const;
  };
  const settle: VectorStore['catalogue']['settle'] = async (results) => {
    await store.catalogue.settle(results);
    stop.abort();
  };
  const work = embedCatalogue(
    {
      catalogue: { waiting: (limit) => store.catalogue.waiting(limit), settle },
      texts: { ensure },
      clock,
      onError: (error) => expect.fail(String(error)),
      onFailed: (id) => failed.push(id),
    },
    stop.signal,
  );
  await clock.advance(0);
  await work;
  return failed;
}

test('a product is durable at once, and found with its picture once embedded', async () => {
  const { store, send, get, found } = shop();
  const answer = await send('PUT', '/products/k-1', kettle);
  expect([answer.status, await answer.json()]).toMatchObject([202, { accepted: 1, rejected: 0 }]);
  expect(await get('k-1')).toMatchObject({ product: kettle, state: 'waiting' });
  expect(await found({})).toEqual([]);
  expect(await embed(store)).toEqual([]);
  expect(await get('k-1')).toMatchObject({ state: 'searchable', problem: null });
  const [hit] = await found({});
  expect(hit).toMatchObject({ product: kettle, events: { total: 0, by_type: {} } });
  expect(hit.newest).toBeUndefined();
  const { name, price } = kettle;
  await send('PUT', '/products/k-1', { name, price: price + 1, stock: 0 });
  await embed(store);
  expect((await found({}))[0].product).toMatchObject({ price: 21, image: null });
  expect(await found({ in_stock: true })).toEqual([]);
  expect((await send('DELETE', '/products/k-1')).status).toBe(202);
  expect(await found({})).toEqual([]);
  expect(await problemOf(await send('GET', '/products/k-1'))).toMatchObject({
    code: 'product_not_found',
  });
});

test('many products are taken line by line, each with its own result', async () => {
  const { request, get } = shop();
  const versions = ['2025-01-02T00:00:00Z', '2025-01-01T00:00:00Z'];
  const sent = [
    ...versions.map((updated_at, n) => ({ ...kettle, price: n, updated_at })),
    { ...kettle, id: 'k-2', price: -1 },
    { ...kettle, id: 'k-3', image: 'javascript:alert(1)' },
    { ...kettle, id: 'k-4', colour: 'red' },
  ];
  const body = `${sent.map((product) => JSON.stringify(product)).join('\n')}\nnot json\n`;
  const answer = await request('/products', { method: 'POST', body, headers: lines });
  expect(answer.status).toBe(202);
  const { accepted, rejected, items } = await answer.json();
  expect([accepted, rejected]).toEqual([2, 4]);
  expect(items.slice(0, 2)).toEqual([
    { index: 0, product_id: 'k-1', status: 'accepted' },
    { index: 1, product_id: 'k-1', status: 'accepted', superseded: true },
  ]);
  const messages = items.slice(2).map(({ error }: { error: object }) => JSON.stringify(error));
  for (const [index, part] of ['price', 'image', 'colour', 'not JSON'].entries())
    expect(messages[index]).toContain(part);
  expect((await get('k-1')).product.price).toBe(0);
});

test('what is wrong with a product is said, and nothing is stored', async () => {
  const { send, request } = shop();
  for (const [body, part] of [
    [{ price: 1 }, 'name'],
    [{ ...kettle, id: 'other' }, 'id'],
    [{ ...kettle, updated_at: '2999-01-01T00:00:00Z' }, 'updated_at'],
  ] as const) {
    const refused = await send('PUT', '/products/k-1', body);
    expect(refused.status).toBe(400);
    expect((await problemOf(refused)).detail).toContain(part);
  }
  expect((await send('GET', '/products/k-1')).status).toBe(404);
  const text = await request('/products', {
    method: 'POST',
    body: 'x',
    headers: { 'content-type': 'text/plain' },
  });
  expect(text.status).toBe(415);
});

test('a product that cannot be embedded says why', async () => {
  const { store, send, get } = shop();
  await send('PUT', '/products/k-1', { ...kettle, name: 'bad' });
  expect(await embed(store)).toEqual(['k-1']);
  expect(await get('k-1')).toMatchObject({ state: 'failed', problem: 'no' });
});

test('a search is filtered by brand, in every mode, and counts the named attributes', async () => {
  const { store, post, send, found } = shop({ VECTORSTREAM_SEARCH_FACET_ATTRIBUTES: 'litres' });
  const pot = { ...kettle, id: 'p-1', name: 'Tea kettle', brand: 'Bosch' };
  await send('POST', '/products', [kettle, { ...pot, attributes: { litres: 3, secret: 'x' } }]);
  await embed(store);
  const ids = async (body: object) =>
    (await found(body)).map(({ product }: { product: { id: string } }) => product.id);
  for (const mode of ['hybrid', 'meaning', 'words']) {
    expect((await ids({ mode })).toSorted()).toEqual(['k-1', 'p-1']);
    expect(await ids({ mode, filter: { brand: 'Bosch' } })).toEqual(['p-1']);
    expect(await ids({ mode, filter: { brand: ['bosch'] } })).toEqual([]);
  }
  const asked = { query: 'kettle', mode: 'words' };
  const facets = ['brand', 'attributes.litres'];
  expect((await (await post('/search', { ...asked, facets })).json()).facets).toEqual({
    brand: [
      { value: 'Aga', count: 1 },
      { value: 'Bosch', count: 1 },
    ],
    attributes: {
      litres: [
        { value: '2', count: 1 },
        { value: '3', count: 1 },
      ],
    },
  });
  const problem = await problemOf(
    await post('/search', { ...asked, facets: ['attributes.secret'] }),
  );
  expect(problem).toMatchObject({ status: 422, errors: [{ path: 'facets' }] });
  expect(problem['detail']).toContain('category, brand, price, attributes.litres');
});

test.each([
  [{ size: { cm: 3 } }, 'attributes.size: expected text of at most 1,024 characters, a number'],
  [['red'], 'attributes: expected an object with names of 1 to 128 characters and their values'],
  [{ ['k'.repeat(100_000)]: 1 }, `attributes.${'k'.repeat(200)}`],
])('attributes %j are refused by what is allowed, in a short answer', async (attributes, said) => {
  const { send } = shop();
  const answer = await send('POST', '/products', { ...kettle, attributes });
  const text = await answer.text();
  expect(answer.status).toBe(400);
  expect(JSON.parse(text).detail).toContain(said);
  expect(text.length).toBeLessThan(2_000);
});

test('a long name that no schema knows makes no long answer', async () => {
  const answer = await shop().send('PUT', '/config/search', { ['k'.repeat(100_000)]: 1 });
  expect(answer.status).toBe(422);
  expect((await answer.text()).length).toBeLessThan(2_000);
});
