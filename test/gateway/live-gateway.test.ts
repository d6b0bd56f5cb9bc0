// Live settings outside of the pipeline: after PUT /config a running gateway uses the new value at
// once.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { RunnerChecks } from '#core/fleet/runner-checks.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { recommenderSettingsOf } from '../../gateway/api/routes/recommendation-routes.ts';
import { settings as table } from '../../gateway/config/all-sections.ts';
import { Settings } from '../../gateway/config/live-settings.ts';
import {
  RequestEmbeddings,
  requestEmbeddingLimits,
} from '../../gateway/fleet/request-embeddings.ts';
import { SearchHedges } from '../../gateway/fleet/search-hedges.ts';
import { startGateway, type Gateway } from '../../gateway/gateway.ts';
import { noGenerator } from '../../gateway/ingest/parent-generator.ts';
import { hubLimits } from '../../gateway/startup/live-limits.ts';
import { runRetention } from '../../gateway/storage/retention-sweep.ts';
import { createLog } from '../../gateway/telemetry/gateway-log.ts';
import { dimensions, eventRecord, textRecord } from '../conformance/store-records.ts';
import { writeFakeModel } from '../helpers/fake-model-folder.ts';
import { bounds, fakeVector, golden } from '../helpers/fake-model.ts';
import { until } from '../helpers/until.ts';
import { emptyFleet, problemOf, scriptedStore, testApp } from './test-services.ts';

const file = import.meta.filename;

describe('a running gateway', () => {
  let folder = '';
  let gateway: Gateway;
  const lines: string[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vectorstream-live-'));
    await writeFakeModel(join(folder, 'model'));
    const secrets = new Set<string>();
    const log = createLog({
      level: 'warn',
      format: 'json',
      secrets,
      destination: { write: (line) => lines.push(line) },
    });
    const settings = new Settings({
      yaml: null,
      flags: new Map(),
      env: {
        VECTORSTREAM_PORT: '0',
        VECTORSTREAM_DATA_DIR: join(folder, 'data'),
        VECTORSTREAM_MODEL: join(folder, 'model'),
        VECTORSTREAM_RUNNERS: '0',
        VECTORSTREAM_SEARCH_WAIT_MS_MAX: '50',
        LOG_LEVEL: 'warn',
      },
    });
    gateway = await startGateway(settings, {
      log,
      secrets,
      environment: {},
      generator: noGenerator,
      onFatal: (error) => lines.push(`FATAL ${String(error)}`),
    });
  });
  afterAll(async () => {
    await gateway.close();
    await rm(folder, { recursive: true, force: true });
  });
  const put = async (section: string, values: Record<string, unknown>): Promise<void> => {
    const response = await fetch(`${gateway.url}/config/${section}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(values),
    });
    if (response.status !== 200) throw new Error(await response.text());
  };
  const search = () =>
    fetch(`${gateway.url}/search`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"kettle","mode":"meaning"}',
    });

  test('an erasure clears live messages and the answers of repeated requests', async () => {
    const hello = async (since: string): Promise<{ id: string; resumed: boolean }> => {
      const stop = new AbortController();
      const response = await fetch(`${gateway.url}/sse/events?topics=dead_letter`, {
        headers: { 'last-event-id': since },
        signal: stop.signal,
      });
      let text = '';
      for await (const chunk of response.body ?? []) {
        text += Buffer.from(chunk).toString();
        if (/^data: .*\n/m.test(text)) break;
      }
      stop.abort();
      return JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '');
    };
    const post = () =>
      fetch(`${gateway.url}/events?on_invalid=dead_letter`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': 'of-anna' },
        body: '{"user_id": "anna", "broken": true}',
      });
    const replayed = async () => (await post()).headers.get('idempotency-replayed');
    const { id } = await hello('');
    expect([await replayed(), await replayed(), (await hello(id)).resumed]).toEqual([
      null,
      'true',
      true,
    ]);
    await fetch(`${gateway.url}/users/anna`, { method: 'DELETE' });
    expect([await replayed(), (await hello(id)).resumed]).toEqual([null, false]);
  });

  test('search.waitMsMax: a search without a runner waits the new time', async () => {
    expect((await problemOf(await search()))['detail']).toContain('within 50 ms');
    await put('search', { waitMsMax: 20 });
    expect((await problemOf(await search()))['detail']).toContain('within 20 ms');
  });

  test('logging.level: debug lines begin and end', async () => {
    await search();
    expect(lines.join('')).not.toContain('"msg":"request"');
    await put('logging', { level: 'debug' });
    await search();
    expect(lines.join('')).toContain('"msg":"request"');
    await put('logging', { level: 'warn' });
    const before = lines.length;
    await search();
    expect(lines).toHaveLength(before);
  });

  test('rates.*: each budget holds from the next request on, and no longer', async () => {
    await put('rates', {
      apply: 'always',
      readsPerMinute: 1,
      searchesPerMinute: 1,
      eventsPerMinute: 1,
      adminPerMinute: 1000,
    });
    const event = (id: number) =>
      fetch(`${gateway.url}/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          event_id: `e-${id}`,
          timestamp: '2025-12-31T23:00:00Z',
          user_id: 'u',
          event_type: 'view',
          session_id: 's',
          product: { id: 'p', name: 'Lamp', price: 1 },
        }),
      });
    const asked = [() => fetch(`${gateway.url}/stats`), search, () => event(1)];
    for (const ask of asked)
      expect([(await ask()).status, (await ask()).status].map((status) => status === 429)).toEqual([
        false,
        true,
      ]);
    await put('rates', { readsPerMinute: 100_000 });
    expect((await fetch(`${gateway.url}/stats`)).headers.get('ratelimit-policy')).toBe(
      '"reads";q=100000;w=60',
    );
    await put('rates', { adminPerMinute: 100_000 });
    await put('rates', { apply: 'never' });
    for (const ask of asked) expect((await ask()).status).not.toBe(429);
  });

  test('server.requestsInFlightMax: a request beyond it is refused with the reason', async () => {
    await put('search', { waitMsMax: 3000 });
    await put('server', { requestsInFlightMax: 1 });
    let waiting = search();
    await until('the one request is in flight', 60_000, async () => {
      if ((await fetch(`${gateway.url}/stats`)).status === 503) return true;
      // The look was first, and the search was refused.
      if ((await Promise.race([waiting, Promise.resolve(null)]))?.status === 503)
        waiting = search();
      return false;
    });
    expect((await fetch(`${gateway.url}/livez`)).status).toBe(200);
    await (await waiting).text();
    await put('server', { requestsInFlightMax: 100 });
    await put('search', { waitMsMax: 20 });
    expect((await fetch(`${gateway.url}/stats`)).status).toBe(200);
  });

  test(
    'server.bodyBytesPerSecondMin: a body that was fast enough is now too slow',
    { timeout: 20_000 },
    async () => {
      await put('server', { bodyBytesPerSecondMin: 100_000 });
      const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
      let answer = '';
      socket.on('data', (chunk) => (answer += chunk.toString()));
      socket.on('error', () => undefined);
      socket.write(
        'POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n' +
          'Content-Length: 100000\r\n\r\n[',
      );
      const drip = setInterval(() => socket.write(' '.repeat(1000)), 200);
      await once(socket, 'close');
      clearInterval(drip);
      expect(answer).toMatch(/^HTTP\/1.1 408 .*body_too_slow/s);
    },
  );

  test('runners.fleetMax: the next runner is refused', async () => {
    const token = (await readFile(join(folder, 'data', 'runner-token'), 'utf8')).trim();
    const knock = () =>
      new WebSocket(`${gateway.url.replace('http', 'ws')}/runners/connect`, 'vectorstream.v1', {
        headers: { authorization: `Bearer ${token}` },
      });
    await put('runners', { fleetMax: 1 });
    const first = knock();
    await once(first, 'open');
    const [code] = await once(knock(), 'close');
    expect(code).toBe(4429);
    first.terminate();
  });
});

test('rates.wrongKeysPerMinute: guessing is blocked sooner', async () => {
  const key = 'the-key-of-the-boss';
  const { request } = testApp({}, { VECTORSTREAM_API_KEYS: `boss:admin:${key}` });
  const wrong = async () =>
    (await request('/stats', { headers: { 'x-api-key': 'not-the-key-of-the-boss' } })).status;
  expect(await wrong()).toBe(401);
  await request('/config/rates', {
    method: 'PUT',
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    body: '{"wrongKeysPerMinute":1}',
  });
  expect([await wrong(), await wrong()]).toEqual([401, 429]);
});

test("rates.*: the next requests of a page's key count by the new values", async () => {
  const [key, page] = ['the-key-of-the-boss', 'the-key-in-the-page'];
  const { request } = testApp(
    {},
    { VECTORSTREAM_API_KEYS: `boss:admin:${key},page:search+collect@https://shop.example:${page}` },
  );
  const post = (path: string, method = 'POST', token = page, body = '{}') =>
    request(path, {
      method,
      headers: { 'x-api-key': token, 'content-type': 'application/json' },
      body,
    });
  const change = (section: string, values: object) =>
    post(`/config/${section}`, 'PUT', key, JSON.stringify(values)).then(({ status }) => status);
  const policyOf = async (path: string) => (await post(path)).headers.get('ratelimit-policy');

  expect(await change('rates', { pageSearchesPerMinute: 7, pageEventsPerMinute: 5 })).toBe(200);
  expect(await policyOf('/search')).toBe('"searches";q=7;w=60');
  expect(await policyOf('/events')).toBe('"events";q=5;w=60');
  expect(await change('rates', { siteEventsPerMinute: 1 })).toBe(200);
  await post('/events');
  expect((await post('/events')).status).toBe(429);
});

test('search.queryCacheMax: fewer query vectors are cached', async () => {
  const embedded: string[] = [];
  const { post, request } = testApp({
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
  const search = async (...queries: string[]) => {
    for (const query of queries) await post('/search', { query });
  };
  await search('a', 'b', 'a', 'b');
  await request('/config/search', {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: '{"queryCacheMax":1}',
  });
  await search('c', 'c', 'a');
  expect(embedded).toEqual(['a', 'b', 'c', 'a']);
});

test('search.behaviourPercent, search.facetAttributes: the next search has them', async () => {
  const store = createMemoryStore({ dimensions });
  await store.putTexts([textRecord(1), textRecord(2)]);
  const { post, request } = testApp({ store });
  const search = (body: object) => post('/search', { query: 'text', mode: 'words', ...body });
  const order = async () => {
    const { hits }: { hits: { text_id: string }[] } = await (await search({})).json();
    return hits.map(({ text_id: id }) => id);
  };
  await store.putEvents([1, 2].map((text) => eventRecord(text, { text })));
  const [first, last = ''] = await order();
  const text = [1, 2].find((number) => textRecord(number).id === last) ?? 0;
  await store.putEvents(Array.from({ length: 9 }, (_, n) => eventRecord(10 + n, { text })));
  expect(await order()).toEqual([first, last]);
  const coloured = { facets: ['attributes.colour'] };
  expect((await search(coloured)).status).toBe(422);
  await request('/config/search', {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: '{"behaviourPercent":100,"facetAttributes":["colour"]}',
  });
  expect(await order()).toEqual([last, first]);
  expect((await search(coloured)).status).toBe(200);
});

test('search.hedgeMs: a second runner gets a search after the new time', async () => {
  const { config, change } = settingsOf();
  const clock = new ManualClock();
  const copies: string[] = [];
  const hedges = new SearchHedges({
    fleet: { hedge: (_, copy) => copies.push(copy) > 0, has: () => true, cancel: () => undefined },
    clock,
    limits: hubLimits(config),
    onHedge: () => undefined,
  });
  await change('search', { hedgeMs: 500 });
  const watched = hedges.watch('q');
  await clock.advance(499);
  expect(copies).toEqual([]);
  await clock.advance(1);
  await watched;
  expect(copies).toHaveLength(1);
});

test('recommendations.*: the next answer is computed by the new values', async () => {
  const { config, change } = settingsOf();
  await change('recommendations', {
    productsMax: 3,
    touchesPerProduct: 20,
    sessionsMax: 30,
    touchesPerSession: 40,
    fadingPercent: 50,
    halfLifeDays: 2,
    rarityPercent: 60,
    meaningPercent: 70,
    newPercent: 80,
    newEventsMax: 9,
    newDays: 7,
  });
  expect(recommenderSettingsOf(config.recommendations)).toEqual({
    productsMax: 3,
    touchesPerProduct: 20,
    sessionsMax: 30,
    touchesPerSession: 40,
    fadingShare: 0.5,
    halfLifeMs: 2 * 86_400_000,
    rarity: 0.6,
    meaningWeight: 0.7,
    newShare: 0.8,
    newEventsMax: 9,
    newAgeMs: 7 * 86_400_000,
  });
});

test('embeddings.waitMsMax: a request gives up at the new time', async () => {
  const { config, change } = settingsOf();
  const embeddings = new RequestEmbeddings({
    ...requestEmbeddingLimits,
    embedding: emptyFleet,
    runnerWaitMsMax: 10,
    runnerReady: () => true,
    get waitMsMax() {
      return config.embeddings.waitMsMax;
    },
  });
  await change('embeddings', { waitMsMax: 100 });
  await expect(embeddings.embed(['a'], new AbortController().signal)).rejects.toThrow('100 ms');
});

test('runners.checkSeconds: a cross-check is due at the new interval', async () => {
  const { config, change } = settingsOf();
  const checks = new RunnerChecks(
    {
      golden,
      bounds,
      dtype: 'fp32',
      limits: hubLimits(config),
      textsPerSample: 100,
      random: () => 0.5,
    },
    0,
    0,
  );
  checks.answered([{ text: 'a', vector: fakeVector('a') }], 'bulk', 0, 0);
  expect(checks.due(10_000)).toEqual([]);
  await change('runners', { checkSeconds: 20 });
  expect(checks.due(10_001)).toHaveLength(1);
});

test('store.sweepMinutes and retentionDays: old events are deleted by the new values', async () => {
  const { config, change } = settingsOf();
  const clock = new ManualClock();
  const asked: number[] = [];
  const stop = new AbortController();
  const store = {
    ...scriptedStore(),
    forget: async ({ ingestedBefore, now }: { ingestedBefore: number; now: number }) => {
      asked.push((now - ingestedBefore) / 86_400_000);
      return { events: 0, texts: 0, more: false };
    },
  };
  const log = createLog({
    level: 'silent',
    format: 'json',
    secrets: new Set(),
    destination: { write: () => undefined },
  });
  const done = runRetention(
    {
      store,
      clock,
      log,
      retentionMs: () => config.store.retentionDays * 86_400_000,
      sweepEveryMs: () => config.store.sweepMinutes * 60_000,
      textGraceMs: 1,
    },
    stop.signal,
  );
  await clock.advance(3 * 60_000);
  expect(asked).toEqual([]);
  await change('store', { sweepMinutes: 4, retentionDays: 7 });
  await clock.advance(9 * 60_000);
  expect(asked).toEqual([7, 7, 7]);
  stop.abort();
  await done;
});

function settingsOf() {
  const settings = new Settings({ yaml: null, env: {}, flags: new Map() });
  return {
    config: settings.config,
    change: (section: string, values: Record<string, unknown>) =>
      settings.change(section, values, false),
  };
}

test('every setting that may change live is changed in one of these tests', () => {
  const tests =
    readFileSync(file, 'utf8') +
    readFileSync(join(import.meta.dirname, 'live-pipeline.test.ts'), 'utf8');
  const untested = table.filter(
    ({ key, section, name }) =>
      key.live &&
      !new RegExp(`(change|put|/config/)\\(?'?${section}'?[^;]*\\b${name}\\b`).test(tests),
  );
  expect(untested.map(({ path }) => path)).toEqual([]);
});
