// Search by vector, by text and page by page, and behaviour analysis over HTTP, on the reference
// store: results and refusals.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unitOf } from '#core/analysis/taste.ts';
import { textIdOf } from '#core/event/text-id.ts';
import { uuidV5 } from '#core/event/uuid.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import type { EventRecord, EventType, TextRecord, VectorStore } from '#core/ports.ts';
import { problemOf, testApp } from './test-services.ts';

const dimensions = 384;
const now = new ManualClock().now();

/** Points mostly along `axis`; the larger `n`, the further away from it. */
const vectorOf = (axis: number, n: number): Float32Array =>
  unitOf(
    Array.from({ length: dimensions }, (_, at) => (at === axis ? 1 : at === 300 ? n * 0.05 : 0)),
  )!;

const provenance = {
  runnerSession: 's',
  runnerName: 'r',
  device: 'cpu',
  dtype: 'q8',
  embeddedAt: now,
  checkedAt: now,
};
const productOf = (name: string) => ({
  id: `id of ${name}`,
  name,
  description: null,
  category: name.split(' ')[0]!,
  price: 10,
});
const text = (
  name: string,
  vector: Float32Array,
  kind: 'product' | 'query' = 'product',
): TextRecord => ({
  id: textIdOf(name, kind),
  text: name,
  kind,
  product: kind === 'query' ? null : productOf(name),
  embedding: { vector, provenance },
});

let count = 0;
function event(
  userId: string,
  eventType: EventType,
  name: string,
  minutesAgo: number,
): EventRecord {
  const eventId = `e-${count++}`;
  const timestamp = now - minutesAgo * 60_000;
  const isQuery = eventType === 'search';
  const product = isQuery ? null : productOf(name);
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
      id: uuidV5(eventId),
      eventType,
      timestamp,
      userId,
      sessionId: 's',
      product,
      searchQuery,
      payload,
    },
    textId: textIdOf(name, isQuery ? 'query' : 'product'),
    ingestedAt: timestamp,
  };
}

const jackets = Array.from({ length: 15 }, (_, n) => `jacket ${n}`);
const kettles = Array.from({ length: 15 }, (_, n) => `kettle ${n}`);

async function shop(): Promise<VectorStore> {
  const store = createMemoryStore({ dimensions, now: () => now });
  await store.putTexts([
    ...jackets.map((name, n) => text(name, vectorOf(0, n))),
    ...kettles.map((name, n) => text(name, vectorOf(1, n))),
    text('moon dust', vectorOf(7, 0), 'query'),
  ]);
  await store.putEvents([
    ...[...jackets, ...kettles].flatMap((name, n) =>
      Array.from({ length: 6 }, (_, hours) => event('crowd', 'view', name, hours * 60 + 61 + n)),
    ),
    event('ann', 'view', 'jacket 2', 50),
    event('ann', 'purchase', 'jacket 1', 40),
    event('ann', 'add_to_cart', 'jacket 3', 30),
    ...Array.from({ length: 40 }, (_, n) => event(`u-${n}`, 'view', 'kettle 9', 1 + n)),
    ...Array.from({ length: 8 }, (_, n) => event(`u-${n}`, 'search', 'moon dust', 1 + n)),
  ]);
  return store;
}

const app = async () => testApp({ store: await shop() });
const along = (axis: number, n = 0): number[] => [...vectorOf(axis, n)];
const jacketId = (n: number): string => textIdOf(`jacket ${n}`);
type Hits = {
  hits: {
    text: string;
    text_id: string;
    score: number;
    matching?: { event: { event_id: string } }[];
  }[];
  next_cursor: string | null;
};

describe('search', () => {
  test('by a vector, whatever its length: the nearest, none below the threshold', async () => {
    const { post } = await app();
    const found: Hits = await (
      await post('/search', { vector: along(0).map((x) => x * 250), limit: 3 })
    ).json();
    expect(found.hits.map((hit) => hit.text)).toEqual(['jacket 0', 'jacket 1', 'jacket 2']);
    expect(found.hits[0]?.score).toBeCloseTo(1, 5);
    const near: Hits = await (
      await post('/search', { vector: along(0), limit: 100, score_threshold: 0.99 })
    ).json();
    expect(near.hits.map((hit) => hit.text)).toEqual(['jacket 0', 'jacket 1', 'jacket 2']);
    expect(near.next_cursor).toBeNull();
  });

  test('by texts finds similar ones, and avoids those like the negative examples', async () => {
    const { post } = await app();
    const like: Hits = await (
      await post('/search', { text_id: jacketId(4).toUpperCase(), limit: 2 })
    ).json();
    expect(like.hits.map((hit) => hit.text).toSorted()).toEqual(['jacket 3', 'jacket 5']);
    const unlike: Hits = await (
      await post('/search', {
        text_id: [jacketId(4), jacketId(5)],
        unlike_text_id: [jacketId(14)],
        limit: 3,
      })
    ).json();
    expect(unlike.hits.map((hit) => hit.text)).toEqual(['jacket 0', 'jacket 1', 'jacket 2']);
    expect(
      await problemOf(await post('/search', { text_id: textIdOf('no such text') })),
    ).toMatchObject({ status: 404, code: 'text_not_found' });
  });

  test('page by page shows every text once, even while events arrive', async () => {
    const store = await shop();
    const { post } = testApp({ store });
    const shown: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page: Hits = await (
        await post('/search', {
          vector: along(0),
          limit: 4,
          ...(cursor !== undefined && { cursor }),
        })
      ).json();
      shown.push(...page.hits.map((hit) => hit.text));
      cursor = page.next_cursor;
      await store.putEvents([
        event('late', 'view', 'jacket 0', 0),
        event('late', 'view', 'jacket 9', 0),
      ]);
    }
    expect(shown.slice(0, 15)).toEqual(jackets);
    expect(new Set(shown).size).toBe(30);
    expect(shown).toHaveLength(30);
  });

  test('a cursor is accepted only with the request that it came from', async () => {
    const { post } = await app();
    const { next_cursor: cursor }: Hits = await (
      await post('/search', { vector: along(0), limit: 4 })
    ).json();
    expect(
      (await post('/search', { vector: along(0), limit: 9, events_limit: 1, cursor })).status,
    ).toBe(200);
    const bad = [
      { vector: along(1), cursor },
      { vector: along(0), filter: { category: 'jacket' }, cursor },
      { vector: along(0), cursor: 'abc' },
      { vector: along(0), cursor: Buffer.from('[1,2]').toString('base64url') },
    ];
    for (const body of bad)
      expect(await problemOf(await post('/search', body))).toMatchObject({
        status: 422,
        code: 'validation_failed',
      });
  });

  test('with events_limit each hit comes with its newest matching events', async () => {
    const { post, request } = await app();
    const found: Hits = await (
      await post('/search', { text_id: jacketId(2), filter: { user_id: 'ann' }, events_limit: 2 })
    ).json();
    expect(found.hits.map(({ text: of, matching }) => [of, matching?.length])).toEqual([
      ['jacket 3', 1],
      ['jacket 1', 1],
    ]);
    const all = await (
      await request(`/events?text_id=${jacketId(3)}&product_id=id+of+jacket+3&user_id=ann`)
    ).json();
    expect(all.items.map((item: { id: string }) => item.id)).toEqual([
      uuidV5(found.hits[0]!.matching![0]!.event.event_id),
    ]);
  });

  test.each([
    [{ query: 'x', vector: along(0) }, 'exactly one of query, vector and text_id'],
    [{ query: 'x', unlike_text_id: jacketId(1) }, 'unlike_text_id needs text_id'],
    [{ vector: [1, 2, 3] }, "vector: has 3 numbers, the model's vectors have 384"],
    [{ vector: Array(384).fill(0) }, 'vector: has no direction'],
    [`{"vector":[${Array(384).fill('1e999').join()}]}`, 'vector.0'],
    [`{"vector":[${Array(384).fill('null').join()}]}`, 'vector.0'],
    [{ vector: Array(20_000).fill(1) }, 'vector'],
    [{ text_id: 'not a uuid' }, 'text_id: Invalid UUID'],
    [{ vector: along(0), score_threshold: 1.5 }, 'score_threshold'],
    [{ vector: along(0), events_limit: 11 }, 'events_limit'],
    [{ vector: along(0), limit: 1e9 }, 'limit'],
  ])('refuses bad input %#', async (body, named) => {
    const problem = await problemOf(await (await app()).post('/search', body));
    expect(problem).toMatchObject({ status: 422, code: 'validation_failed' });
    expect(problem['detail']).toContain(named);
  });
});

async function outcomeOf(response: Response): Promise<'answered' | 'refused' | 'failed'> {
  if (response.status === 200) return 'answered';
  return response.status < 500 && typeof (await problemOf(response))['code'] === 'string'
    ? 'refused'
    : 'failed';
}

test('any request to these paths gets its result or a 4xx problem', async () => {
  const { request, post } = await app();
  const anything = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom(
      '',
      '0',
      '-1',
      '1e999',
      'NaN',
      'null',
      '../..',
      '%00',
      '\ud800',
      '2026-01-01T00:00:00Z',
      '9999-12-31T23:59:59Z',
      '0001-01-01T00:00:00Z',
      'ann',
      'id of kettle 4',
    ),
  );
  const parameter = fc.constantFrom(
    'limit',
    'half_life_hours',
    'window_minutes',
    'baseline_windows',
    'until',
    'min_count',
    'match_min',
    'category',
    'since',
    'price_min',
    'text_id',
    'product_id',
    'cursor',
    'x',
  );
  const path = fc
    .tuple(
      fc.constantFrom('/products/{}/similar', '/users/{}/recommendations', '/trends', '/events'),
      anything,
      fc.array(fc.tuple(parameter, anything), { maxLength: 3 }),
    )
    .map(
      ([pattern, id, query]) =>
        `${pattern.replace('{}', encoded(id))}?` +
        query.map(([name, value]) => `${name}=${encoded(value)}`).join('&'),
    );
  await fc.assert(
    fc.asyncProperty(path, async (address) => {
      expect(await outcomeOf(await request(address))).not.toBe('failed');
    }),
    { numRuns: 300 },
  );
  const member = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(
      along(0),
      along(0).map(String),
      jacketId(1),
      [jacketId(1), jacketId(1)],
      1,
      -1,
      10,
      0.5,
      1e308,
    ),
  );
  const body = fc.record(
    {
      vector: fc.oneof(fc.constant(along(0)), member),
      text_id: member,
      unlike_text_id: member,
      limit: member,
      score_threshold: member,
      events_limit: member,
      cursor: fc.oneof(
        fc.string(),
        fc.jsonValue().map((json) => Buffer.from(JSON.stringify(json)).toString('base64url')),
      ),
      filter: member,
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(body, async (json) => {
      expect(await outcomeOf(await post('/search', json))).not.toBe('failed');
    }),
    { numRuns: 300 },
  );
});

describe('behaviour analysis', () => {
  test('similar products are the nearest others; an unknown product is a 404', async () => {
    const { request } = await app();
    const found = await (await request('/products/id%20of%20kettle%204/similar?limit=2')).json();
    expect(found).toMatchObject({ product_id: 'id of kettle 4', text_id: textIdOf('kettle 4') });
    expect(found.items.map((item: { text: string }) => item.text).toSorted()).toEqual([
      'kettle 3',
      'kettle 5',
    ]);
    expect(
      (
        await (
          await request('/products/id%20of%20kettle%204/similar?category=jacket&limit=1')
        ).json()
      ).items[0].product.category,
    ).toBe('jacket');
    expect(await problemOf(await request('/products/nothing/similar'))).toMatchObject({
      status: 404,
      code: 'product_not_found',
    });
    for (const query of [
      'limit=0',
      'limit=101',
      'limit=x',
      'colour=red',
      'price_min=3&price_max=2',
    ])
      expect(await problemOf(await request(`/products/a/similar?${query}`))).toMatchObject({
        status: 422,
      });
  });

  test('recommendations follow the user, leave out what was bought, and say why', async () => {
    const { request } = await app();
    const found = await (await request('/users/ann/recommendations?limit=20')).json();
    const names = found.items.map((item: { text: string }) => item.text);
    expect(names.slice(0, 3).every((name: string) => name.startsWith('jacket'))).toBe(true);
    expect(names).not.toContain('jacket 1');
    expect(
      found.items
        .filter((item: { seen: boolean }) => item.seen)
        .map((item: { text: string }) => item.text)
        .toSorted(),
    ).toEqual(['jacket 2', 'jacket 3'].filter((name) => names.includes(name)));
    expect(found.items[0].because[0]).toMatchObject({
      event_type: 'purchase',
      product: { id: 'id of jacket 1', name: 'jacket 1' },
      search_query: null,
    });
    expect(found).toMatchObject({ user_id: 'ann', reason: null, events_used: 3 });
    const unknown = await (await request('/users/nobody/recommendations')).json();
    expect(unknown).toMatchObject({ reason: 'no_events', events_used: 0 });
    expect(unknown.items[0]).toMatchObject({ sources: ['popular'], because: [], neighbours: null });
    for (const query of [
      'limit=0',
      'limit=1000',
      'half_life_hours=0',
      'half_life_hours=Infinity',
      'half_life_hours=1e99',
      'x=1',
    ])
      expect(await problemOf(await request(`/users/ann/recommendations?${query}`))).toMatchObject({
        status: 422,
      });
  });

  test('recommends to a basket, a session or a user, exactly one of them', async () => {
    const { request, post } = await app();
    const ids = ['id of jacket 1', 'id of jacket 2'];
    const found = await (await post('/recommendations', { product_ids: ids, limit: 5 })).json();
    expect(found).toMatchObject({ reason: null, events_used: 2 });
    expect(found.recommendation_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(found.items).toHaveLength(5);
    for (const { product, sources } of found.items) {
      expect(ids).not.toContain(product.id);
      expect(sources.length).toBeGreaterThan(0);
    }
    for (const body of [{ session_id: 'none' }, { user_id: 'none' }])
      expect(await (await post('/recommendations', body)).json()).toMatchObject({
        reason: 'no_events',
      });
    for (const body of [
      {},
      { user_id: 'a', session_id: 'b' },
      { product_ids: [] },
      { user_id: 'a', limit: 0 },
      { user_id: 'a', diversity: 1.1 },
      { user_id: 'a', colour: 'red' },
    ])
      expect(await problemOf(await post('/recommendations', body))).toMatchObject({ status: 422 });
    const filter = { category: 'kettle' };
    const narrow = await (await post('/recommendations', { product_ids: ids, filter })).json();
    for (const { product } of narrow.items) expect(product.category).toBe('kettle');
    expect(await (await request('/products/nothing/related')).json()).toMatchObject({
      items: [],
      sessions: 0,
      reason: 'no_sessions',
    });
    expect(await problemOf(await request('/products/a/related?kind=x'))).toMatchObject({
      status: 422,
    });
  });

  test('the key of a page learns nothing about a user, and no count below five', async () => {
    const { request } = testApp(
      { store: await shop() },
      { VECTORSTREAM_API_KEYS: 'page:search:the-key-of-the-page-1' },
    );
    const ask = (body: object) =>
      request('/recommendations', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': 'the-key-of-the-page-1' },
        body: JSON.stringify(body),
      });
    const found = await (await ask({ product_ids: ['id of jacket 1'] })).json();
    expect(found.items.length).toBeGreaterThan(0);
    for (const { because } of found.items)
      expect(because.sessions?.count ?? because.events ?? 5).toBeGreaterThanOrEqual(5);
    for (const body of [{ user_id: 'ann' }, { product_ids: ['a'], filter: { user_id: 'ann' } }])
      expect(await problemOf(await ask(body))).toMatchObject({
        status: 403,
        code: 'scope_missing',
      });
  });

  test('trends show the planted spike and unmet queries, or the reason for none', async () => {
    const { request } = await app();
    const found = await (await request('/trends?window_minutes=60&baseline_windows=6')).json();
    expect(found.products.map((entry: { text: string }) => entry.text)).toEqual(['kettle 9']);
    expect(found.products[0]).toMatchObject({
      count: 40,
      baseline_count: 6,
      product: { id: 'id of kettle 9' },
    });
    expect(found.unmet_demand).toMatchObject([{ label: 'moon dust', count: 8, query_count: 1 }]);
    expect(found).toMatchObject({
      reason: null,
      window: { until: new Date(now).toISOString() },
      categories: [{ category: 'kettle' }],
    });
    expect(await (await request('/trends?until=2020-01-01T00:00:00Z')).json()).toMatchObject({
      products: [],
      categories: [],
      queries: [],
      unmet_demand: [],
      reason: 'no_events',
    });
    expect(
      await (await request('/trends?baseline_windows=1&window_minutes=1440')).json(),
    ).toMatchObject({ products: [], reason: 'no_baseline' });
    for (const query of [
      'window_minutes=0',
      'window_minutes=1441',
      'window_minutes=1.5',
      'baseline_windows=99',
      'until=yesterday',
      'min_count=1',
      'match_min=2',
      'limit=101',
      'window=1h',
    ]) {
      expect(await problemOf(await request(`/trends?${query}`))).toMatchObject({
        status: 422,
        code: 'validation_failed',
      });
    }
  });

  test('equal requests share one analysis; too many different ones are told to retry', async () => {
    const store = await shop();
    let counted = 0;
    const released = Promise.withResolvers<void>();
    const { request } = testApp({
      store: {
        ...store,
        countsBy: async (counts) => {
          counted += 1;
          await released.promise;
          return store.countsBy(counts);
        },
      },
    });
    const same = [request('/trends?limit=5'), request('/trends?limit=5')];
    const others = [6, 7, 8].map((limit) => request(`/trends?limit=${limit}`));
    const refused = await request('/trends?limit=9');
    expect(await problemOf(refused)).toMatchObject({ status: 503, code: 'analysis_busy' });
    expect(refused.headers.get('retry-after')).toBe('2');
    const countedThen = counted;
    released.resolve();
    for (const response of await Promise.all([...same, ...others]))
      expect(response.status).toBe(200);
    expect(countedThen).toBe(4 * 3);
  });

  test('is described with its parameters, answers and examples', async () => {
    const document = await (await (await app()).request('/openapi.json')).json();
    for (const path of [
      '/products/{id}/similar',
      '/products/{id}/related',
      '/users/{id}/recommendations',
      '/trends',
    ]) {
      const { get } = document.paths[path];
      expect(get.parameters.length).toBeGreaterThan(0);
      expect(get.responses['200'].content['application/json'].schema).toBeDefined();
      expect(get.tags).toEqual(['Search']);
    }
  });
});

function encoded(part: string): string {
  return encodeURIComponent(part.toWellFormed());
}
