// Keys that everybody can read in a web page: what they may do, and that they tell nothing about
// visitors.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sessionIdOf } from '#core/event/session-of-day.ts';
import { textIdOf } from '#core/event/text-id.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryLog } from '#core/memory/memory-log.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import {
  eventTypes,
  type EmbeddingService,
  type EventType,
  type VectorStore,
} from '#core/ports.ts';
import { routeRules, ruleOf } from '../../gateway/access/route-scopes.ts';
import { scopes } from '../../gateway/config/api-keys.ts';
import { dimensions, eventRecord, queryVector, textRecord } from '../conformance/store-records.ts';
import { event, problemOf, testApp } from './test-services.ts';

const keys = Object.fromEntries(scopes.map((scope) => [scope, `the-key-with-scope-${scope}`]));
const shop = 'https://shop.example';
const pageKey = 'the-key-in-the-page-of-the-shop';
const env = {
  VECTORSTREAM_API_KEYS: [
    ...scopes.map((scope) => `${scope}-key:${scope}:${keys[scope]}`),
    `page:search+collect@${shop}|https://m.shop.example:8443:${pageKey}`,
  ].join(','),
};
const as = (key: string | undefined, headers: Record<string, string> = {}) => ({
  authorization: `Bearer ${key}`,
  ...headers,
});

const letIn = (status: number): number | string =>
  status === 401 || status === 403 ? status : 'let in';

describe('every route and every scope', () => {
  /** The scopes whose key may use a path of this scope. */
  const allowed: Record<string, readonly string[]> = {
    open: ['none', ...scopes],
    admin: ['admin'],
    write: ['admin', 'write'],
    read: ['admin', 'read'],
    search: ['admin', 'read', 'search'],
    collect: ['admin', 'write', 'collect'],
  };
  const combinations = Object.keys(routeRules).flatMap((line) =>
    ['none', ...scopes].map((scope) => ({ line, scope })),
  );

  test('agree with the table', async () => {
    const { request } = testApp({}, { ...env, VECTORSTREAM_RATES_APPLY: 'never' });
    const wrong: string[] = [];
    for (const { line, scope } of combinations) {
      const [method = '', path = ''] = line.split(' ');
      const needed = ruleOf(method, path).scope;
      const { status } = await request(path.replaceAll(/\{\w+\}/g, 'x'), {
        method,
        headers: {
          ...(scope !== 'none' && as(keys[scope])),
          ...(method !== 'GET' && { 'content-type': 'application/json' }),
        },
        ...(method !== 'GET' && { body: '{}' }),
        signal: AbortSignal.timeout(60_000),
      });
      // A runner has a token of its own.
      const answer = path === '/runners/connect' && status === 401 ? 'let in' : letIn(status);
      const expected = allowed[needed]?.includes(scope) ? 'let in' : scope === 'none' ? 401 : 403;
      if (answer !== expected) wrong.push(`${line} with ${scope}: ${status}`);
    }
    expect(combinations.length).toBeGreaterThan(300);
    expect(wrong).toEqual([]);
  });
});

/** What a key for searching may ask, with an id in place of each parameter. */
const searchRoutes = Object.keys(routeRules)
  .filter((line) => routeRules[line]?.scope === 'search')
  .map((line) => line.replaceAll(/\{\w+\}/g, 'p').split(' '));

describe('a key for pages', () => {
  test('may only be used by pages of its origins, which learn why others may not', async () => {
    const { request } = testApp({}, { ...env, VECTORSTREAM_CORS_ORIGINS: 'https://panel.example' });
    const search = async (key: string | undefined, origin: string | null) => {
      const response = await request('/search', {
        method: 'POST',
        headers: as(key, { 'content-type': 'application/json', ...(origin && { origin }) }),
        body: '{"query":"kettle"}',
      });
      return [response.status, response.headers.get('access-control-allow-origin')];
    };
    expect(await search(pageKey, shop)).toEqual([200, shop]);
    expect(await search(pageKey, 'https://m.shop.example:8443')).toEqual([
      200,
      'https://m.shop.example:8443',
    ]);
    expect(await search(pageKey, 'http://localhost')).toEqual([200, null]);
    expect(await search(pageKey, null)).toEqual([200, null]);
    expect(await search(pageKey, 'https://evil.example')).toEqual([403, null]);
    expect(await search(pageKey, 'https://panel.example')).toEqual([403, 'https://panel.example']);
    expect(await search(keys['search'], 'https://panel.example')).toEqual([
      200,
      'https://panel.example',
    ]);
    expect(await search(keys['search'], shop)).toEqual([403, shop]);
    expect(await search(keys['read'], shop)).toEqual([403, shop]);
    for (const [method = '', path = ''] of searchRoutes) {
      const foreign = await request(path, {
        method,
        headers: as(pageKey, { origin: 'https://evil.example' }),
      });
      expect(await problemOf(foreign), path).toMatchObject({
        status: 403,
        code: 'origin_not_allowed',
        detail: expect.stringContaining(
          method === 'GET' ? 'may not use the API key page' : 'may not use this gateway',
        ),
      });
    }
    const preflight = await request('/search', {
      method: 'OPTIONS',
      headers: { origin: shop, 'access-control-request-method': 'POST' },
    });
    expect(preflight.headers.get('access-control-allow-origin')).toBe(shop);
  });

  test('is limited for each visitor, and collecting for the whole site, on each host', async () => {
    const { request, post } = testApp(
      {},
      {
        ...env,
        VECTORSTREAM_TRUSTED_PROXIES: '203.0.113.1',
        VECTORSTREAM_RATES_PAGE_SEARCHES_PER_MINUTE: '2',
        VECTORSTREAM_RATES_PAGE_EVENTS_PER_MINUTE: '3',
        VECTORSTREAM_RATES_SITE_EVENTS_PER_MINUTE: '4',
      },
    );
    const similar = async () =>
      (await request('/products/p/similar', { headers: as(pageKey) })).status;
    expect([await similar(), await similar(), await similar()]).toEqual([503, 503, 429]);
    for (const [method = '', path = ''] of searchRoutes)
      expect((await request(path, { method, headers: as(pageKey) })).status, path).toBe(429);
    const send = async (key: string | undefined, ids: readonly string[]) =>
      (
        await post(
          '/events',
          ids.map((id) => event({ event_id: id })),
          as(key),
        )
      ).status;
    expect(await send(pageKey, ['1', '2', '3'])).toBe(202);
    expect(await send(pageKey, ['4'])).toBe(429);
    expect(await send(keys['collect'], ['5', '6', '7', '8', '9'])).toBe(202);
    expect(await send(keys['write'], ['10', '11', '12', '13', '14'])).toBe(202);
  });

  test('collects events, with their arrival and its name, never as dead letters', async () => {
    const { post, appended, clock } = testApp({}, env);
    const sent = { ...event({ event_id: 'e-9', collected_by: 'somebody' }), timestamp: 'never' };
    expect((await post('/events', sent, as(pageKey))).status).toBe(202);
    const record = JSON.parse(new TextDecoder().decode(appended[0]?.value));
    expect(record).toMatchObject({
      event_id: 'e-9',
      timestamp: new Date(clock.now()).toISOString(),
      collected_by: 'page',
    });
    expect(new TextDecoder().decode(appended[0]?.headers['x-collected-by'])).toBe('page');
    const dead = await post('/events?on_invalid=dead_letter', event(), as(pageKey));
    expect(await problemOf(dead)).toMatchObject({ status: 403, code: 'scope_missing' });
    const large = await post('/events', ' '.repeat(65_537), as(pageKey));
    expect((await problemOf(large))['status']).toBe(413);
    for (const odd of ['[1]', '"x"', 'nothing', '['.repeat(30_000), '{"__proto__":{}}'])
      expect((await post('/events', odd, as(pageKey))).status).toBe(400);
    expect((await post('/events', event(), as(keys['write']))).status).toBe(202);
    expect(appended.at(-1)?.headers).not.toHaveProperty('x-collected-by');
  });

  test('that is malformed is refused', () => {
    for (const wrong of [
      `page:search@shop.example:${pageKey}`,
      `page:search@https://shop.example/path:${pageKey}`,
      `page:search@:${pageKey}`,
      `page:search@https://shop.example|:${pageKey}`,
    ])
      expect(() => testApp({}, { VECTORSTREAM_API_KEYS: wrong })).toThrow(/allowed: keys as/);
  });
});

const embedding: EmbeddingService = {
  embed: async () => ({
    ok: true,
    embedding: { ...textRecord(1).embedding, vector: queryVector },
  }),
};

/** Words that only events and their visitors have; the two worlds share none of them. */
const secretsOf = (world: string) => ({
  user: `${world}-user`,
  session: `${world}-session`,
  query: `${world}-wish for something`,
  eventId: `${world}-event`,
});

/** The same products, seen as often and at the same times, by other visitors with other wishes. */
async function worldOf(name: string): Promise<VectorStore> {
  const store = createMemoryStore({ dimensions });
  const { user, session, query, eventId } = secretsOf(name);
  const wish = textIdOf(query, 'query');
  await store.putTexts([
    ...[1, 2, 3, 4].map((n) => textRecord(n)),
    { ...textRecord(9), id: wish, text: query, kind: 'query', product: null },
  ]);
  const put = async (n: number, text: number, eventType: EventType): Promise<void> => {
    const record = eventRecord(n, { text });
    const { product } = textRecord(text);
    const isWish = eventType === 'search';
    const [outcome] = await store.putEvents([
      {
        ...record,
        textId: isWish ? wish : record.textId,
        event: {
          ...record.event,
          eventType,
          userId: `${user}-${n % 3}`,
          sessionId: `${session}-${n < 60 ? n % 5 : n}`,
          eventId: `${eventId}-${n}`,
          product: isWish ? null : product,
          searchQuery: isWish ? query : null,
          payload: JSON.stringify({
            event_id: `${eventId}-${n}`,
            user_id: user,
            query,
            product: isWish ? null : product,
          }),
        },
      },
    ]);
    expect(outcome).toEqual({ status: 'stored' });
  };
  for (let n = 0; n < 60; n += 1)
    await put(n, 1 + (n % 4), eventTypes[n % eventTypes.length] ?? 'view');
  // So that views in one session connect other products more often than chance would.
  for (let n = 60; n < 80; n += 1) await put(n, 4, 'view');
  return store;
}

/** Searches two texts with so many events. */
async function ofTwo(counts: readonly [number, number], behaviourPercent = 0) {
  const store = createMemoryStore({ dimensions });
  await store.putTexts([1, 2].map((n) => textRecord(n)));
  for (const [index, count] of counts.entries())
    await store.putEvents(
      Array.from({ length: count }, (_, n) => eventRecord(10 * index + n, { text: index + 1 })),
    );
  const settings = { VECTORSTREAM_SEARCH_BEHAVIOUR_PERCENT: String(behaviourPercent) };
  const { post } = testApp({ store, embedding }, { ...env, ...settings });
  return async (body: object, key: string | undefined): Promise<[number, ...string[]]> => {
    const answer = await post('/search', { query: 'text', mode: 'words', ...body }, as(key));
    const { hits = [] } = await answer.json();
    return [answer.status, ...hits.map(({ text_id: id }: { text_id: string }) => id)];
  };
}

/** The ids of two texts with so many events, by popularity; first, the status of `newest`. */
const byPopularity = async (counts: readonly [number, number], key: string | undefined) => {
  const search = await ofTwo(counts);
  const [newest] = await search({ sort: 'newest' }, key);
  return [newest, ...(await search({ sort: 'popularity' }, key)).slice(1)];
};

/** The same by relevance, with all the weight that behaviour can have. */
const boosted = async (counts: readonly [number, number], key: string | undefined) =>
  (await ofTwo(counts, 100))({}, key);

describe('a page with a search key', () => {
  const words = ['a', 'b'].flatMap((world) => Object.values(secretsOf(world)));
  const ids = ['a', 'b'].map((world) => textIdOf(secretsOf(world).query, 'query'));
  const value = fc.oneof(
    fc.constantFrom(...words, ...words.map((word) => `${word}-1`), ...ids, 'view', 'search', 'p-1'),
    fc.constantFrom(
      textRecord(1).id,
      textRecord(2).id,
      0,
      1,
      10,
      true,
      null,
      '2026-01-01T00:00:00Z',
    ),
  );
  const filter = fc.dictionary(
    fc.constantFrom(
      'event_type',
      'category',
      'user_id',
      'session_id',
      'text_id',
      'product_id',
      'price_min',
      'price_max',
      'since',
      'until',
      'search_query',
      'event_id',
    ),
    fc.oneof(value, fc.array(value, { maxLength: 3 })),
    { maxKeys: 2 },
  );
  const body = fc.record(
    {
      query: fc.constantFrom(...words, 'kettle'),
      mode: fc.constantFrom('hybrid', 'meaning', 'words'),
      text_id: value,
      unlike_text_id: value,
      vector: fc.constant([1, 0, 0]),
      limit: fc.constantFrom(1, 2, 10),
      filter,
      events_limit: fc.constantFrom(0, 3),
      cursor: fc.constantFrom(...words),
      score_threshold: fc.constantFrom(-1, 0.5),
    },
    { requiredKeys: [] },
  );
  const path = fc.constantFrom(...Object.keys(routeRules)).map((line) => line.split(' '));
  const valid = fc.record(
    {
      query: fc.constantFrom(...words, 'kettle'),
      mode: fc.constantFrom('hybrid', 'meaning', 'words'),
      limit: fc.constantFrom(1, 2, 10),
      filter: fc.record(
        { price_min: fc.constantFrom(0, 1), price_max: fc.constantFrom(20, 1e6) },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: ['query'] },
  );
  const sorted = fc.record({
    query: fc.constantFrom(...words, 'text'),
    sort: fc.constantFrom('relevance', 'popularity', 'price_asc'),
    facets: fc.constant(['category', 'brand', 'price']),
    in_stock: fc.boolean(),
  });
  const productId = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('p1', 'p2', 'p3', 'p4') },
    { weight: 1, arbitrary: fc.constantFrom(...words) },
  );
  const visitor = fc.oneof(
    fc.record({ product_ids: fc.array(productId, { minLength: 1, maxLength: 3 }) }),
    fc.record({ session_id: fc.constantFrom(...words.map((word) => `${word}-1`)) }),
    fc.record({ user_id: fc.constantFrom(...words.map((word) => `${word}-1`)) }),
  );
  const recommendation = fc.tuple(
    visitor,
    fc.record({
      limit: fc.constantFrom(1, 10),
      filter: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, filter),
      exclude_product_ids: fc.array(productId, { maxLength: 2 }),
      diversity: fc.constantFrom(0, 0.5),
    }),
  );
  const kind = fc.constantFrom('bought_together', 'viewed_together', 'next');
  const asked = fc.oneof(
    recommendation.map(([who, what]) => ({
      method: 'POST',
      url: '/recommendations',
      json: { ...who, ...what },
    })),
    fc.tuple(productId, kind).map(([id, how]) => ({
      method: 'GET',
      url: `/products/${encodeURIComponent(id)}/related?kind=${how}`,
      json: null,
    })),
    fc.oneof(valid, sorted).map((json) => ({ method: 'POST', url: '/search', json })),
    body.map((json) => ({ method: 'POST', url: '/search', json })),
    fc.tuple(filter, value).map(([given, id]) => ({
      method: 'GET',
      url: `/products/${encodeURIComponent(String(id))}/similar?${new URLSearchParams(
        Object.entries(given).map(([name, one]) => [name, String(one)]),
      )}`,
      json: null,
    })),
    fc.tuple(path, value, body).map(([[method = '', url = ''], id, json]) => ({
      method,
      url: url.replaceAll(/\{\w+\}/g, encodeURIComponent(String(id))),
      json: method === 'GET' ? null : json,
    })),
  );

  const answerOf = async (
    app: ReturnType<typeof testApp>,
    request: typeof asked extends fc.Arbitrary<infer T> ? T : never,
  ) => {
    const response = await app.request(request.url, {
      method: request.method,
      headers: as(pageKey, { 'content-type': 'application/json', 'x-request-id': 'r' }),
      ...(request.json !== null && { body: JSON.stringify(request.json) }),
    });
    const text = await response.text();
    const random = /"took_ms":[\d.]+|"(timestamp|recommendation_id|query_id)":"[^"]*"/g;
    return `${response.status} ${text.replaceAll(random, '')}`;
  };

  test('gets the same answer to any request, whatever visitors do', async () => {
    const clock = new ManualClock();
    const apps = await Promise.all(
      ['a', 'b'].map(async (world) =>
        testApp(
          {
            clock,
            embedding,
            store: await worldOf(world),
            source: createMemoryLog().source('test'),
          },
          { ...env, VECTORSTREAM_RATES_APPLY: 'never' },
        ),
      ),
    );
    const answered = { hits: 0, recommended: 0, related: 0 };
    await fc.assert(
      fc.asyncProperty(asked, async (request) => {
        const [first, second] = [
          await answerOf(apps[0]!, request),
          await answerOf(apps[1]!, request),
        ];
        expect(first).toBe(second);
        if (first.startsWith('200') && first.includes('"hits":[{')) answered.hits += 1;
        if (first.includes('"sources":["sessions"')) answered.recommended += 1;
        if (first.includes('"lift":')) answered.related += 1;
        const tells = /"(newest|seen|event_id|user_id|session_id)":/.test(first);
        expect(tells && !['/events', '/openapi.json'].includes(request.url)).toBe(false);
        const repeated = decodeURIComponent(JSON.stringify(request));
        for (const word of words.filter((one) => !repeated.includes(one)))
          expect(first).not.toContain(word);
      }),
      { numRuns: 900 },
    );
    expect(answered.hits).toBeGreaterThan(20);
    expect(answered.recommended).toBeGreaterThan(5);
    expect(answered.related).toBeGreaterThan(0);
  });

  test('sorts neither by the newest event nor by counts below five', async () => {
    const [one, two] = [textRecord(1).id, textRecord(2).id];
    expect(await byPopularity([1, 4], keys['read'])).toEqual([200, two, one]);
    expect(await byPopularity([4, 1], keys['read'])).toEqual([200, one, two]);
    expect(await byPopularity([1, 4], pageKey)).toEqual(await byPopularity([4, 1], pageKey));
    expect((await byPopularity([1, 6], pageKey)).slice(0, 2)).toEqual([403, two]);
  });

  test('gets hits moved by behaviour, but not by counts below five', async () => {
    const [one, two] = [textRecord(1).id, textRecord(2).id];
    expect(await boosted([1, 9], keys['read'])).toEqual([200, two, one]);
    expect(await boosted([9, 1], keys['read'])).toEqual([200, one, two]);
    expect(await boosted([1, 9], pageKey)).toEqual([200, two, one]);
    expect(await boosted([1, 4], pageKey)).toEqual(await boosted([4, 1], pageKey));
  });

  test('pages through hits without learning any time, and sees no small count', async () => {
    const store = await worldOf('a');
    const { post } = testApp({ store, embedding }, env);
    const times: unknown[] = [];
    const read = async (key: string | undefined) => {
      const answers = [];
      times.length = 0;
      let cursor: string | undefined;
      do {
        const response = await post(
          '/search',
          { query: 'kettle', mode: 'meaning', limit: 1, cursor },
          as(key),
        );
        expect(response.status).toBe(200);
        const page = await response.json();
        answers.push(...page.hits);
        cursor = page.next_cursor ?? undefined;
        times.push(JSON.parse(Buffer.from(cursor ?? 'WzAsMF0', 'base64url').toString())[1]);
      } while (cursor !== undefined);
      return answers;
    };
    const [all, seen] = [await read(keys['read']), await read(pageKey)];
    expect(seen.map(({ text_id: id }) => id)).toEqual(all.map(({ text_id: id }) => id));
    expect(times.slice(0, -1)).toEqual(seen.map(() => null));
    expect(seen).toHaveLength(4);
    expect(all.every(({ newest }) => newest !== undefined)).toBe(true);
    expect(seen.some((hit) => 'newest' in hit)).toBe(false);
    const counts = seen.flatMap(({ events }) => [events.total, ...Object.values(events.by_type)]);
    expect(counts.filter((count) => count > 0 && count < 5)).toEqual([]);
  });

  test('learns of no connection between products that fewer than five sessions made', async () => {
    const store = createMemoryStore({ dimensions });
    await store.putTexts([1, 2, 3].map((n) => textRecord(n)));
    const { post, request } = testApp({ store, embedding }, env);
    let n = 0;
    const visit = async (sessionId: string, texts: readonly number[]): Promise<void> => {
      const records = texts.map((text) => {
        const record = eventRecord((n += 1), { text, eventType: 'purchase' });
        return {
          ...record,
          event: { ...record.event, sessionId, product: textRecord(text).product },
        };
      });
      await store.putEvents(records);
    };
    const chosenBySessions = async (key: string | undefined): Promise<string[]> => {
      const answer = await post('/recommendations', { product_ids: ['p1'] }, as(key));
      expect(answer.status).toBe(200);
      const { items } = await answer.json();
      return items.flatMap((item: { sources: string[]; product: { id: string } }) =>
        item.sources.includes('sessions') ? item.product.id : [],
      );
    };
    const relatedTo = async (key: string | undefined): Promise<string[]> => {
      const answer = await request('/products/p1/related', { headers: as(key) });
      const { items } = await answer.json();
      return items.map(({ product }: { product: { id: string } }) => product.id);
    };
    for (let others = 0; others < 20; others += 1) await visit(`other ${others}`, [3]);
    for (let visits = 1; visits <= 5; visits += 1) {
      await visit(`visit ${visits}`, [1, 2]);
      const shown = visits < 5 ? [] : ['p2'];
      expect([await chosenBySessions(pageKey), await relatedTo(pageKey)]).toEqual([shown, shown]);
    }
    expect(await chosenBySessions(keys['read'])).toEqual(['p2']);
  });

  test('gets recommendations for a session only by an id that nobody can guess', async () => {
    const { post } = testApp({ store: await worldOf('a'), embedding }, env);
    const ask = async (session: string, key = pageKey) =>
      (await post('/recommendations', { session_id: session }, as(key))).status;
    expect(await ask('7d0c2b54-6d3e-4b8a-9f1c-3f2f0f6f0c11')).toBe(200);
    expect(await ask('k3T0-xw9QeLmZ81v')).toBe(200);
    // What the gateway itself gives to an event without a session follows from user and day.
    const ofDay = sessionIdOf('a-user-1', '2026-01-01T10:00:00Z');
    for (const guessable of ['a-session-1', ofDay, ofDay.toUpperCase()])
      expect([guessable, await ask(guessable)]).toEqual([guessable, 403]);
    expect(await ask(ofDay, keys['read'])).toBe(200);
  });
});
