// The rules of a shop for its search, over HTTP on the reference store.

import { expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { dimensions, eventRecord, queryVector, textRecord } from '../conformance/store-records.ts';
import { answeringFleet, problemOf, testApp } from './test-services.ts';

const embedding = {
  ...answeringFleet,
  embed: async (...asked: Parameters<typeof answeringFleet.embed>) => {
    const answer = await answeringFleet.embed(...asked);
    return answer.ok
      ? { ...answer, embedding: { ...answer.embedding, vector: queryVector } }
      : answer;
  },
};
const keys = { writer: 'k'.repeat(20), reader: 'l'.repeat(20), page: 'm'.repeat(20) };
const env = {
  VECTORSTREAM_API_KEYS: `w:write:${keys.writer},r:read:${keys.reader},p:search@https://shop.example:${keys.page}`,
};

const headers = (key: keyof typeof keys) => ({
  authorization: `Bearer ${keys[key]}`,
  'content-type': 'application/json',
});

async function shop(store = createMemoryStore({ dimensions }), clock = new ManualClock()) {
  await store.putTexts([1, 2, 3].map((n) => textRecord(n)));
  await store.putEvents([1, 2, 3].map((n) => eventRecord(n, { text: n })));
  const app = testApp({ store, embedding, clock }, env);
  return {
    ...app,
    store,
    put: (rules: object | string, key: keyof typeof keys = 'writer') =>
      app.request('/search/rules', {
        method: 'PUT',
        headers: headers(key),
        body: typeof rules === 'string' ? rules : JSON.stringify(rules),
      }),
    get: (key: keyof typeof keys = 'reader') =>
      app.request('/search/rules', { headers: headers(key) }),
    found: async (body: object): Promise<readonly string[]> => {
      const response = await app.post('/search', { query: 'text', ...body }, headers('page'));
      const { hits } = await response.json();
      return hits.map(({ product }: { product: { id: string } }) => product.id);
    },
  };
}

const rules = {
  synonyms: [{ terms: ['sofa', 'couch'] }, { terms: ['trainers'], also_find: ['shoes'] }],
  queries: [{ query: 'text', pin: ['p3'], hide: ['p1'], boost: [{ product_id: 'p2', factor: 2 }] }],
};

test('rules are answered as they were put, and audited by their numbers alone', async () => {
  const { put, get, audited } = await shop();
  expect(await (await get()).json()).toEqual({ synonyms: [], queries: [], updated_at: null });
  const answer = await put(rules);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject(rules);
  expect(await (await get()).json()).toMatchObject(rules);
  expect(audited).toMatchObject([
    { key: 'w', path: '/search/rules', status: 200, synonyms: 2, queries: 1 },
  ]);
  expect(JSON.stringify(audited)).not.toContain('couch');
});

test('hybrid and words follow pins and hide; meaning only hides', async () => {
  const { put, found } = await shop();
  const before = await found({ mode: 'meaning' });
  expect(before).toContain('p1');
  await put(rules);
  const byMode = await Promise.all(['hybrid', 'words'].map((mode) => found({ mode })));
  for (const ids of byMode) expect(ids).toEqual(['p3', 'p2']);
  expect(await found({ mode: 'meaning' })).toEqual(before.filter((id) => id !== 'p1'));
  expect(await found({ sort: 'price_asc' })).not.toContain('p1');
});

test('a page sees what the rules do, and never the rules', async () => {
  const { put, get, found } = await shop();
  expect((await put(rules, 'page')).status).toBe(403);
  expect((await put(rules, 'reader')).status).toBe(403);
  expect((await put(rules)).status).toBe(200);
  expect((await get('page')).status).toBe(403);
  expect((await found({ mode: 'words' }))[0]).toBe('p3');
});

test('another gateway of the store follows a change within two seconds', async () => {
  const clock = new ManualClock();
  const store = createMemoryStore({ dimensions });
  const [one, other] = [await shop(store, clock), await shop(store, clock)];
  expect(await other.found({ mode: 'words' })).toContain('p1');
  await one.put(rules);
  expect(await one.found({ mode: 'words' })).not.toContain('p1');
  await clock.advance(2_000);
  expect(await other.found({ mode: 'words' })).not.toContain('p1');
});

test('a search keeps the rules that it knows while the store does not answer', async () => {
  const clock = new ManualClock();
  const store = createMemoryStore({ dimensions });
  let isDown = false;
  const { put, found } = await shop(
    {
      ...store,
      searchRules: {
        ...store.searchRules,
        get: () => (isDown ? Promise.reject(new Error('down')) : store.searchRules.get()),
      },
    },
    clock,
  );
  await put(rules);
  isDown = true;
  await clock.advance(60_000);
  expect(await found({ mode: 'words' })).toEqual(['p3', 'p2']);
});

test('of two changes at the same moment, one is told that it was not made', async () => {
  const { put, get } = await shop();
  const asked = ['lamp', 'sofa'].map((query) => ({ queries: [{ query, pin: ['p1'] }] }));
  const answers = await Promise.all(asked.map((one) => put(one)));
  const statuses = answers.map(({ status }) => status);
  expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 409]);
  expect(await (await get()).json()).toMatchObject(asked[statuses.indexOf(200)] ?? {});
});

test.each([
  ['queries.1.query', { queries: [{ query: 'T-Shirt' }, { query: 't shirt' }] }, 'rule 0'],
  ['queries.0.query', { queries: [{ query: '!?' }] }, 'has no word'],
  ['queries.0', { queries: [{ query: 'a', pin: ['p'], hide: ['p'] }] }, 'product p twice'],
  ['queries.0.pin', { queries: [{ query: 'a', pin: Array.from({ length: 11 }, String) }] }, '10'],
  ['queries.0.pin.0', { queries: [{ query: 'a', pin: ['\ud800\u0000'] }] }, 'visible characters'],
  ['synonyms.0', { synonyms: [{ terms: ['Sofa', 'sofa'] }] }, 'two different'],
  ['synonyms.0.terms.1', { synonyms: [{ terms: ['a', 'b '.repeat(9)] }] }, '1 to 8 words'],
  ['synonyms', { synonyms: Array.from({ length: 1_001 }, () => ({ terms: ['a', 'b'] })) }, '1000'],
  ['', { synonym: [] }, 'synonym'],
])('a mistake at %j is named, and changes nothing', async (path, wrong, message) => {
  const { put, get } = await shop();
  const problem = await problemOf(await put(wrong));
  expect(problem).toMatchObject({ status: 422, errors: [{ path }] });
  expect(JSON.stringify(problem['errors'])).toContain(message);
  expect(await (await get()).json()).toMatchObject({ updated_at: null });
});

test('rules beyond 256 KiB are refused', async () => {
  const { put } = await shop();
  expect((await put(' '.repeat(257 * 1024))).status).toBe(413);
});
