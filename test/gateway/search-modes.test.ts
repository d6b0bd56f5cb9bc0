// Search by words, and by words and meaning together, over HTTP on the reference store.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { uuidV5 } from '#core/event/uuid.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import type { EventRecord, Product, TextRecord } from '#core/ports.ts';
import { meaningFloorOf } from '#core/vectors/lexical/meaning-floor.ts';
import { answeringFleet, emptyFleet, problemOf, testApp } from './test-services.ts';

const now = new ManualClock().now();
const names = ['Enamel kettle', 'Electric kettle', 'Teapot', 'Woolen scarf', 'Kettle'];

const productOf = (n: number): Product => ({
  id: `SKU-${n}`,
  name: names[n] ?? '',
  description: null,
  category: n === 3 ? 'Clothing' : 'Kitchen',
  price: 10,
});

/** The fleet of the tests embeds every query as the first of these directions. */
const directions = [
  [0, 1, 0],
  [0, 0, 1],
  [1, 0, 0],
  [0.3, 0, 0.954],
  [0, 1, 0],
] as const;

function textOf(n: number): TextRecord {
  const provenance = {
    runnerSession: 's',
    runnerName: 'r',
    device: 'cpu',
    dtype: 'q8',
    embeddedAt: now,
    checkedAt: now,
  };
  const vector = Float32Array.from(directions[n] ?? []);
  const length = Math.hypot(...vector);
  return {
    id: uuidV5(`text ${n}`),
    text: names[n] ?? '',
    kind: 'product',
    product: productOf(n),
    embedding: { vector: vector.map((x) => x / length), provenance },
  };
}

function eventOf(n: number, user = 'u'): EventRecord {
  const eventId = `${user} sees ${n}`;
  const product = productOf(n);
  const timestamp = now - n;
  const payload = JSON.stringify({ event_id: eventId, product });
  return {
    event: {
      eventId,
      id: uuidV5(eventId),
      eventType: 'view',
      timestamp,
      userId: user,
      sessionId: 's',
      product,
      searchQuery: null,
      payload,
    },
    textId: uuidV5(`text ${n}`),
    ingestedAt: now,
  };
}

async function shop(changes: Parameters<typeof testApp>[0] = {}) {
  const store = createMemoryStore({ dimensions: 3, now: () => now });
  await store.putTexts(names.map((_, n) => textOf(n)));
  await store.putEvents(names.map((_, n) => eventOf(n)));
  return testApp({ store, ...changes });
}

type Answer = {
  readonly hits: readonly {
    readonly text: string;
    readonly score: number;
    readonly matched?: readonly string[];
    readonly events: { readonly total: number };
  }[];
  readonly next_cursor: string | null;
  readonly fallback_reason?: string;
  readonly facets?: object;
};

async function search(body: object, changes?: Parameters<typeof testApp>[0]): Promise<Answer> {
  const { post } = await shop(changes);
  return (await post('/search', body)).json();
}
const found = async (body: object, changes?: Parameters<typeof testApp>[0]) =>
  (await search(body, changes)).hits.map(({ text, matched }) => [text, ...(matched ?? [])]);

describe('mode words', () => {
  test('finds by words without any runner, the whole name first', async () => {
    const changes = { embedding: emptyFleet, runners: () => [] };
    expect(await found({ query: 'kettle', mode: 'words' }, changes)).toEqual([
      ['Kettle', 'words'],
      ['Enamel kettle', 'words'],
      ['Electric kettle', 'words'],
    ]);
    expect(await found({ query: 'elektric', mode: 'words' }, changes)).toEqual([
      ['Electric kettle', 'words'],
    ]);
    expect(await found({ query: 'asdfgh', mode: 'words' }, changes)).toEqual([]);
  });

  test('finds an id in any case first, with its matching events', async () => {
    const { hits } = await search({ query: 'sku-1', mode: 'words' });
    expect(hits[0]).toMatchObject({
      text: 'Electric kettle',
      score: 1,
      matched: ['id', 'words'],
      events: { total: 1, by_type: { view: 1 } },
      newest: { event: { event_id: 'u sees 1' } },
    });
    const filter = { category: 'Clothing' };
    expect(await found({ query: 'SKU-1', mode: 'words', filter })).toEqual([
      ['Woolen scarf', 'words'],
    ]);
  });

  test('goes on page by page, for the same request only', async () => {
    const { post } = await shop();
    const request = { query: 'kettle', mode: 'words', limit: 2 };
    const first: Answer = await (await post('/search', request)).json();
    const cursor = first.next_cursor;
    const second: Answer = await (await post('/search', { ...request, cursor })).json();
    expect([...first.hits, ...second.hits].map(({ text }) => text)).toEqual([
      'Kettle',
      'Enamel kettle',
      'Electric kettle',
    ]);
    expect(second.next_cursor).toBeNull();
    const other = await post('/search', { ...request, query: 'cup', cursor });
    expect((await problemOf(other)).detail).toContain('cursor');
  });
});

describe('mode hybrid', () => {
  test('adds what is near in meaning, but not what is only less far than the rest', async () => {
    const changes = { embedding: answeringFleet };
    expect(await found({ query: 'enamel', mode: 'hybrid' }, changes)).toEqual([
      ['Enamel kettle', 'words'],
      ['Teapot', 'meaning'],
    ]);
    expect(await found({ query: 'teapot', mode: 'hybrid' }, changes)).toEqual([
      ['Teapot', 'words', 'meaning'],
    ]);
    const threshold = { query: 'enamel', mode: 'hybrid', score_threshold: 0.2 };
    expect(await found(threshold, changes)).toContainEqual(['Woolen scarf', 'meaning']);
  });

  test.each([
    ['no_runner', []],
    ['runners_busy', undefined],
  ])('answers by words and says why: %s', async (reason, runners) => {
    const changes = {
      embedding: emptyFleet,
      ...(runners !== undefined && { runners: () => runners }),
    };
    const { hits, fallback_reason: why } = await search(
      { query: 'scarf', mode: 'hybrid' },
      changes,
    );
    expect([hits.map(({ text }) => text), why]).toEqual([['Woolen scarf'], reason]);
  });
});

test('a page by words does not follow one by meaning, nor the other way round', async () => {
  const apps = [await shop({ embedding: answeringFleet }), await shop({ runners: () => [] })];
  const request = { query: 'kettle', limit: 2 };
  const cursors = await Promise.all(
    apps.map(async ({ post }) => (await (await post('/search', request)).json()).next_cursor),
  );
  const details = await Promise.all(
    apps.map(async ({ post }, at) => {
      const own = await post('/search', { ...request, cursor: cursors[at] });
      expect(own.status).toBe(200);
      return (await problemOf(await post('/search', { ...request, cursor: cursors[1 - at] })))
        .detail;
    }),
  );
  expect(details).toEqual([
    expect.stringContaining('was found by words alone'),
    expect.stringContaining('was also found by meaning'),
  ]);
});

test('counts all hits by category and price, and orders them by price', async () => {
  const { post } = await shop();
  const facets = ['category', 'price'];
  const request = { query: 'kettle teapot scarf', mode: 'words', sort: 'newest', limit: 1, facets };
  const first: Answer = await (await post('/search', request)).json();
  expect(first.hits.map(({ text }) => text)).toEqual(['Enamel kettle']);
  expect(first.facets).toEqual({
    category: [
      { value: 'Kitchen', count: 4 },
      { value: 'Clothing', count: 1 },
    ],
    price: [{ min: 10, max: 10, count: 5 }],
  });
  const next = await post('/search', { ...request, cursor: first.next_cursor });
  expect(await next.json()).toMatchObject({
    hits: [{ text: 'Electric kettle' }],
    facets: first.facets,
  });
  const byMeaning = { query: 'kettle', mode: 'meaning', facets };
  expect((await problemOf(await post('/search', byMeaning))).detail).toContain(
    'facets and in_stock need',
  );
});

test('other modes than meaning need a query', async () => {
  const { post } = await shop();
  const vector = [1, 0, 0];
  expect((await post('/search', { vector, mode: 'words' })).status).toBe(422);
  expect((await post('/search', { vector, mode: 'hybrid' })).status).toBe(422);
  const words = { query: 'cup', mode: 'words', score_threshold: 0.5 };
  expect((await post('/search', words)).status).toBe(422);
});

test('the floor of meaning follows how near unrelated texts of a model are', () => {
  const apart = Array.from({ length: 12 }, (_, n) =>
    Array.from({ length: 12 }, (_axis, axis) => (axis === n ? 1 : 0)),
  );
  const near = apart.map((vector) => vector.map((x) => x + 0.4));
  expect(meaningFloorOf(apart)).toBeCloseTo(0);
  expect(meaningFloorOf(near)).toBeGreaterThan(0.6);
  expect(meaningFloorOf(apart.slice(0, 3))).toBe(-1);
  const golden: { cases: { vector: number[] }[] } = JSON.parse(
    readFileSync('models/all-MiniLM-L6-v2/golden.json', 'utf8'),
  );
  const floor = meaningFloorOf(golden.cases.map(({ vector }) => vector));
  expect(Math.abs(floor - 0.38)).toBeLessThan(0.05);
});
