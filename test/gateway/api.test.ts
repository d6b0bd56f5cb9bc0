// Every path of the HTTP API except ingestion, called in process: results, refusals and the form of
// errors.

import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { DependencyError } from '#core/errors/errors.ts';
import {
  apiKey,
  clientOf,
  emptyFleet,
  problemOf,
  runner,
  scriptedStore,
  storedEvent,
  testApp,
} from './test-services.ts';

describe('search', () => {
  test('embeds the normalised query once and answers hits as documented', async () => {
    const store = scriptedStore();
    const embedded: string[] = [];
    const { post } = testApp({
      store,
      embedding: {
        embed: async (query) => {
          embedded.push(query);
          return {
            ok: true,
            embedding: {
              vector: new Float32Array([1]),
              provenance: {
                runnerSession: '',
                runnerName: '',
                device: 'cpu',
                dtype: '',
                embeddedAt: 0,
                checkedAt: 0,
              },
            },
          };
        },
      },
    });
    const request = {
      query: '  red\n\tkettle ',
      mode: 'meaning',
      limit: 3,
      filter: {
        event_type: 'view',
        category: ['Kitchen', 'Home'],
        price_max: 20,
        since: '2026-01-01T02:00:00+02:00',
      },
    };
    const response = await post('/search', request);
    expect(response.headers.get('server-timing')).toMatch(/^embed;dur=[\d.]+, store;dur=[\d.]+$/);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      hits: [
        {
          score: 0.9,
          text_id: 't-1',
          text: 'Red kettle',
          product: {
            id: 'p',
            name: 'Red kettle',
            description: null,
            category: 'Kitchen',
            price: 12,
          },
          events: { total: 2, by_type: { view: 2 } },
          newest: {
            id: storedEvent.id,
            text_id: 't-1',
            timestamp: '2026-01-01T00:00:00.000Z',
            ingested_at: '2026-01-02T00:00:00.000Z',
            event: { event_id: 'e-1', extra: 1 },
          },
        },
      ],
      next_cursor: null,
      query_id: expect.any(String),
      took_ms: 0,
      as_of: '2026-01-01T00:00:00.000Z',
    });
    await post('/search', { ...request, query: 'red kettle' });
    expect(embedded).toEqual(['red kettle']);
    expect(store.searches[0]).toMatchObject({
      limit: 3,
      filter: {
        eventTypes: ['view'],
        categories: ['Kitchen', 'Home'],
        priceMax: 20,
        since: Date.UTC(2026, 0, 1),
      },
    });
  });

  test('without a runner it waits for its time limit and reports that', async () => {
    const response = await testApp({ embedding: emptyFleet, runners: () => [] }).post('/search', {
      query: 'x',
      mode: 'meaning',
    });
    expect(await problemOf(response)).toMatchObject({
      status: 503,
      code: 'no_runner',
      reason: 'no_runner',
    });
    expect(response.headers.get('retry-after')).toBe('2');
    expect(
      await problemOf(
        await testApp({ embedding: emptyFleet }).post('/search', { query: 'x', mode: 'meaning' }),
      ),
    ).toMatchObject({ status: 503, reason: 'runners_busy' });
  });

  test('a query that no runner can embed is a client error', async () => {
    const embedding = {
      embed: async () => ({
        ok: false as const,
        code: 'x',
        message: 'too odd',
        attempts: 3,
        runner: null,
      }),
    };
    expect(
      await problemOf(
        await testApp({ embedding }).post('/search', { query: 'x', mode: 'meaning' }),
      ),
    ).toMatchObject({ status: 422, code: 'embedding_failed' });
  });

  test.each([
    [{ query: ' \n ' }, 'query: is empty'],
    [{}, 'query'],
    [{ query: 'x', limit: 101 }, 'limit'],
    [{ query: 'x', limt: 5 }, 'limt'],
    [
      { query: 'x', filter: { event_type: ['viewed'] } },
      'filter.event_type: expected one or a list of up to 100 of: view, add_to_cart',
    ],
    [{ query: 'x', filter: { price_min: 'cheap' } }, 'filter.price_min'],
    [{ query: 'x', filter: { price_min: 3, price_max: 2 } }, 'price_min is after price_max'],
    [{ query: 'x', filter: { since: 'yesterday' } }, 'filter.since'],
  ])('refuses %j', async (body, named) => {
    const problem = await problemOf(await testApp().post('/search', body));
    expect(problem).toMatchObject({ status: 422, code: 'validation_failed' });
    expect(problem['detail']).toContain(named);
  });

  test('malformed JSON and a wrong content type are different errors', async () => {
    const { post } = testApp();
    expect(await problemOf(await post('/search', '{"query":'))).toMatchObject({
      status: 400,
      code: 'malformed_json',
    });
    expect(
      await problemOf(
        await post('/search', new Uint8Array(Buffer.from('{"query":"caf\u00e9"}', 'latin1')), {
          'content-type': 'application/json',
        }),
      ),
    ).toMatchObject({
      status: 400,
      code: 'malformed_json',
      detail: expect.stringContaining('UTF-8'),
    });
    expect(
      await problemOf(await post('/search', 'x', { 'content-type': 'text/plain' })),
    ).toMatchObject({ status: 415, code: 'unsupported_media_type' });
  });

  test('a compressed body is refused as such where none is decompressed', async () => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const body = new Uint8Array(gzipSync('{"query":"mug"}'));
    const problem = await problemOf(await testApp().post('/search', body, headers));
    expect(problem).toMatchObject({ status: 415, code: 'unsupported_content_encoding' });
    expect(problem['detail']).toBe('Content-Encoding is gzip; send this body uncompressed.');
  });
});

describe('stored events', () => {
  test('come in pages linked by cursors', async () => {
    const { request } = testApp();
    const first = await (
      await request('/events?limit=1&event_type=view&event_type=search&price_min=1.5')
    ).json();
    expect(first.items).toHaveLength(1);
    expect(await (await request(`/events?limit=1&cursor=${first.next_cursor}`)).json()).toEqual({
      items: [],
      next_cursor: null,
    });
    expect(await problemOf(await request('/events?cursor=abc'))).toMatchObject({ status: 422 });
    for (const query of [
      'user=u',
      'price_min=',
      'price_min=cheap',
      'limit=0',
      'limit=1001',
      'event_type=viewed',
    ])
      expect(await problemOf(await request(`/events?${query}`))).toMatchObject({ status: 422 });
  });

  test('are filtered by every field of an event, its text included', async () => {
    const asked: unknown[] = [];
    const { request } = testApp({
      store: {
        ...scriptedStore(),
        events: async (filter) => {
          asked.push(filter);
          return [];
        },
      },
    });
    const text = '0D5B3F0E-97A9-5B62-8F0E-52F1A1F0C3D4';
    const query = `event_type=view&category=Kitchen&category=Home&user_id=u&session_id=s&text_id=${text}&price_min=1&price_max=2.5&since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z`;
    expect((await request(`/events?${query}`)).status).toBe(200);
    expect(asked).toEqual([
      {
        eventTypes: ['view'],
        categories: ['Kitchen', 'Home'],
        userId: 'u',
        sessionId: 's',
        textIds: [text.toLowerCase()],
        priceMin: 1,
        priceMax: 2.5,
        since: Date.UTC(2026, 0, 1),
        until: Date.UTC(2026, 0, 2),
      },
    ]);
    expect(await problemOf(await request('/events?text_id=kettle'))).toMatchObject({ status: 422 });
  });

  test('one is found by its id; an unknown id is a 404', async () => {
    const { request } = testApp();
    expect((await request(`/events/${storedEvent.id.toUpperCase()}`)).status).toBe(200);
    expect(await problemOf(await request('/events/nobody'))).toMatchObject({
      status: 404,
      code: 'event_not_found',
    });
  });
});

describe('health', () => {
  const down = new DependencyError('store', 'store_down', 'The disk is gone.', { retryable: true });

  test('liveness depends on nothing, readiness names every cause', async () => {
    const { request, services } = testApp({
      runners: () => [{ ...runner, state: 'joining' }],
      store: { ...scriptedStore(), event: () => Promise.reject(down) },
    });
    for (const path of ['/livez', '/health/live']) expect((await request(path)).status).toBe(200);
    for (const path of ['/readyz', '/health/ready']) {
      const problem = await problemOf(await request(path));
      expect(problem).toMatchObject({ status: 503, code: 'not_ready' });
      expect(problem['causes']).toEqual([
        { component: 'store', message: 'The disk is gone.' },
        { component: 'runners', message: 'none of 1 connected runners is ready yet' },
      ]);
    }
    expect(await (await request('/health')).json()).toMatchObject({
      status: 'degraded',
      source: { kind: services.source.kind, lag: 0 },
      runners: { connected: 1, ready: 0 },
    });
  });

  test('without store and runners events can be taken; without the log searches work', async () => {
    const stored = testApp({
      runners: () => [],
      store: { ...scriptedStore(), event: () => new Promise(() => undefined) },
    });
    // The silent store is not asked: nothing advances the clock to the end of its time limit.
    expect((await stored.request('/readyz?for=intake')).status).toBe(200);
    const searching = stored.request('/readyz?for=search');
    await stored.clock.advance(1_000);
    expect(await problemOf(await searching)).toMatchObject({
      status: 503,
      causes: [{ component: 'store' }, { component: 'runners' }],
    });

    const { services } = testApp();
    const broken = testApp({ source: { ...services.source, health: () => 'no broker answers' } });
    expect((await broken.request('/readyz?for=search')).status).toBe(200);
    expect(await problemOf(await broken.request('/readyz?for=intake'))).toMatchObject({
      status: 503,
      causes: [{ component: 'source', message: 'no broker answers' }],
    });
    expect((await broken.request('/readyz')).status).toBe(503);
    expect((await broken.request('/readyz?for=reads')).status).toBe(422);
  });

  test('with store, source and a ready runner it is ready', async () => {
    const { request } = testApp();
    for (const path of ['/readyz', '/health/ready']) expect((await request(path)).status).toBe(200);
    expect(await (await request('/health')).json()).toMatchObject({
      status: 'ok',
      causes: [],
      store: { trouble: null },
    });
  });

  test('a dependency that is down gives 503; an unexpected error 500 without details', async () => {
    const { request, logged } = testApp({
      store: {
        ...scriptedStore(),
        event: () => Promise.reject(down),
        events: () => Promise.reject(new Error('secret inside at line 3')),
      },
    });
    expect(await problemOf(await request('/events/x'))).toMatchObject({
      status: 503,
      code: 'store_down',
    });
    const response = await request('/events', { headers: { 'x-request-id': 'r-9' } });
    const problem = await problemOf(response);
    expect(problem).toMatchObject({ status: 500, code: 'internal_error', request_id: 'r-9' });
    expect(JSON.stringify(problem)).not.toContain('secret inside');
    expect(logged()).toContain('secret inside at line 3');
    expect(logged()).toContain('"request_id":"r-9"');
  });
});

test('figures exist before anything has happened', async () => {
  const { request } = testApp();
  expect(await (await request('/stats')).json()).toMatchObject({
    events: { received: 0, stored: 0, superseded: 0, dead_lettered: 0, unsettled: 0, lag: 0 },
    latency_ms: { p50: 0, p95: 0, p99: 0, max: 0 },
    texts: { unique_seen: 0, embedded: 0, cache_hits: 0, cache_misses: 0 },
    store: { texts: 1, events: 2 },
    dead_letters: { open: 0 },
    runners: [
      { id: 's-1', device: 'cpu', dtype: 'q8', texts_per_second: 812.4, texts_embedded: 3 },
    ],
  });
  expect(await (await request('/runners')).json()).toMatchObject({
    items: [{ name: 'box-1', state: 'ready' }],
    next_cursor: null,
  });
  const metrics = await request('/metrics');
  expect(metrics.headers.get('content-type')).toMatch(/^text\/plain/);
  expect(await metrics.text()).toContain('vectorstream_runner_count{device="cpu",state="ready"} 1');
});

describe('access', () => {
  test('with a key set, everything except liveness and readiness requires it', async () => {
    const { request, logged } = testApp({}, { VECTORSTREAM_API_KEY: apiKey });
    for (const path of [
      '/events',
      '/stats',
      '/metrics',
      '/runners',
      '/dlq/messages',
      '/health',
      '/nowhere',
    ]) {
      expect(await problemOf(await request(path))).toMatchObject({
        status: 401,
        code: 'api_key_missing',
      });
      expect(
        await problemOf(await request(path, { headers: { 'x-api-key': `${apiKey}x` } })),
      ).toMatchObject({ status: 401, code: 'api_key_wrong' });
    }
    for (const path of ['/livez', '/readyz', '/health/live', '/health/ready'])
      expect((await request(path)).status).toBe(200);
    expect((await request('/stats', { headers: { 'x-api-key': apiKey } })).status).toBe(200);
    expect(
      (await request('/stats', { headers: { authorization: `Bearer ${apiKey}` } })).status,
    ).toBe(200);
    expect(
      await (await request('/metrics', { headers: { 'x-api-key': apiKey } })).text(),
    ).not.toContain(apiKey);
    expect(logged()).not.toContain(apiKey);
  });

  test('other origins get no answer', async () => {
    const response = await testApp().request('/stats', {
      headers: { origin: 'https://evil.example' },
    });
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('every answer', () => {
  test("carries a request id: the client's own if it is valid", async () => {
    const { request } = testApp();
    expect(
      (await request('/livez', { headers: { 'x-request-id': 'abc-1' } })).headers.get(
        'x-request-id',
      ),
    ).toBe('abc-1');
    for (const odd of ['a b', 'x'.repeat(200), '"'])
      expect(
        (await request('/livez', { headers: { 'x-request-id': odd } })).headers.get('x-request-id'),
      ).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('to a client that has disconnected is not logged as an error', async () => {
    const gone = new AbortController();
    const { request, logged } = testApp({
      store: {
        ...scriptedStore(),
        events: async () => {
          gone.abort();
          throw new Error('aborted');
        },
      },
    });
    await request('/events', { signal: gone.signal });
    expect(logged()).toContain('the client has disconnected');
    expect(logged()).not.toContain('"level":50');
  });

  test('an unknown path and a wrong method are problems too', async () => {
    const { request } = testApp();
    expect(await problemOf(await request('/nowhere'))).toMatchObject({
      status: 404,
      code: 'not_found',
    });
    expect(await problemOf(await request('/runners/connect'))).toMatchObject({
      status: 401,
      code: 'runner_token_missing',
    });
    expect(
      (await request('/runners/connect', { headers: { authorization: 'Bearer runner-token' } }))
        .status,
    ).toBe(204);
    const response = await request('/search', { method: 'DELETE' });
    expect(await problemOf(response)).toMatchObject({ status: 405, code: 'method_not_allowed' });
    expect(response.headers.get('allow')).toBe('POST, GET, HEAD');
  });

  test('is described by /openapi.json, and GET / lists the paths and types of events', async () => {
    const { request } = testApp();
    const document = await (await request('/openapi.json')).json();
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining([
        '/events',
        '/events/{id}',
        '/search',
        '/dlq/messages',
        '/stats',
        '/metrics',
        '/runners',
        '/livez',
        '/readyz',
        '/health',
      ]),
    );
    expect(
      document.paths['/events'].post.requestBody.content['application/json'].schema.oneOf[0]
        .required,
    ).toContain('event_id');
    const about = await clientOf({ request }).about();
    expect(about.paths).toEqual(
      expect.arrayContaining(['POST /events', 'GET /events/{id}', 'WS /runners/connect']),
    );
    expect(about.event_types).toContain('wishlist_add');
  });
});
