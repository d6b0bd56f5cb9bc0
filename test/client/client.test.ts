// Uses every part of the typed client once against a real gateway, and every kind of error.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createClient,
  VectorStreamApiError,
  VectorStreamConnectionError,
  type EventToSend,
  type LiveMessage,
  type VectorStreamClient,
} from '../../client/client.ts';
import { startGatewayWithFakeFleet } from '../helpers/fake-fleet.ts';
import type { RunningGateway } from '../helpers/gateway-program.ts';
import { freePort } from '../helpers/program.ts';
import { temporaryFolder, type TemporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const apiKey = 'a-key-for-the-client-of-these-tests';
let folder: TemporaryFolder;
let gateway: RunningGateway;
let client: VectorStreamClient;

beforeAll(async () => {
  folder = await temporaryFolder();
  gateway = await startGatewayWithFakeFleet(folder.path, { VECTORSTREAM_API_KEY: apiKey });
  client = createClient({ url: gateway.url, apiKey });
}, 60_000);
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const event = (n: number, more: Partial<EventToSend> = {}): EventToSend => ({
  event_id: `e-${n}`,
  timestamp: new Date(Date.UTC(2026, 0, 31, 12, 0, n)).toISOString(),
  user_id: `u-${n % 3}`,
  event_type: 'view',
  session_id: 's-1',
  product: { id: `p-${n % 7}`, name: `Lantern no. ${n % 7}`, price: n % 100 },
  ...more,
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** Resolves when everything that was sent is searchable. */
async function untilSearchable(): Promise<void> {
  for await (const message of client.live({
    topics: ['stats'],
    signal: AbortSignal.timeout(20_000),
  })) {
    if (
      message.type === 'stats' &&
      message.data.events.lag === 0 &&
      message.data.events.unsettled === 0
    )
      return;
  }
  throw new Error('The gateway did not become idle.');
}

describe('the client', () => {
  test('sends any number of events in batches, with one result each, in order', async () => {
    const sent = await client.events.send(
      (function* () {
        for (let n = 0; n < 120; n++) yield event(n, n === 50 ? { user_id: '' } : {});
      })(),
      { eventsMax: 50 },
    );
    expect([sent.accepted, sent.rejected]).toEqual([119, 1]);
    expect(sent.items.map(({ index }) => index)).toEqual(
      Array.from({ length: 120 }, (_, index) => index),
    );
    expect(sent.items[50]).toMatchObject({
      event_id: 'e-50',
      status: 'rejected',
      error: { code: 'invalid_event', field: 'user_id' },
    });
    await untilSearchable();
    expect((await client.stats()).store).toMatchObject({ events: 119 });
  }, 30_000);

  test('throws for no invalid event, even when a whole batch is invalid', async () => {
    const sent = await client.events.send(
      [event(900, { session_id: '' }), event(901, { session_id: '' }), event(902)],
      { eventsMax: 2 },
    );
    expect(sent.items.map(({ index, status }) => [index, status])).toEqual([
      [0, 'rejected'],
      [1, 'rejected'],
      [2, 'accepted'],
    ]);
    expect(await client.events.send([])).toEqual({
      accepted: 0,
      rejected: 0,
      dead_lettered: 0,
      items: [],
    });
  });

  test('reads a list across all pages, and finds one event or null', async () => {
    await untilSearchable();
    const events = await all(client.events.list({ limit: 50, user_id: ['u-1'].join() }));
    expect(events.length).toBe(40);
    expect(events.map(({ timestamp }) => timestamp)).toEqual(
      events
        .map(({ timestamp }) => timestamp)
        .toSorted()
        .toReversed(),
    );
    expect((await client.events.get('e-7'))?.event).toMatchObject({ event_id: 'e-7' });
    expect(await client.events.get('nothing/like ths?')).toBeNull();
  }, 30_000);

  test('searches, recommends, reads trends and embeds', async () => {
    await untilSearchable();
    const { hits, next_cursor } = await client.search({
      query: 'lantern',
      limit: 3,
      filter: { event_type: ['view'] },
    });
    expect([hits.length, typeof next_cursor]).toEqual([3, 'string']);
    expect((await client.similar('p-1', { limit: 2 })).items.length).toBe(2);
    expect(await client.recommendations('u-1', { limit: 2 })).toMatchObject({
      user_id: 'u-1',
      reason: null,
    });
    expect(
      (await client.trends({ until: '2026-01-31T12:03:00Z', window_minutes: 1 })).products,
    ).toBeInstanceOf(Array);
    const { model, vectors } = await client.embeddings(['red lantern', 'blue chair']);
    expect([model, vectors.length, vectors[0]?.length]).toEqual(['fake-model', 2, 8]);
    expect(Math.hypot(...(vectors[0] ?? []))).toBeCloseTo(1, 5);
    expect((await client.models()).map(({ id }) => id)).toEqual(['fake-model']);
  }, 30_000);

  test('adds, lists, reads, counts, replays and purges dead letters', async () => {
    await client.events.send([event(950, { user_id: '' })], { onInvalid: 'dead_letter' });
    await untilSearchable();
    const added = await client.deadLetters.add({
      reason: 'store_rejected',
      message: 'Parked by hand.',
      value: 'not json',
    });
    const open = await all(client.deadLetters.list({ state: 'open', limit: 1 }));
    expect(open.map(({ reason }) => reason).toSorted()).toEqual([
      'invalid_event',
      'store_rejected',
    ]);
    const invalid = open.find(({ reason }) => reason === 'invalid_event')?.id ?? '';
    expect((await client.deadLetters.get(invalid))?.field).toBe('user_id');
    expect(await client.deadLetters.get('none')).toBeNull();
    await expect(client.deadLetters.replay(added.id)).rejects.toMatchObject({
      name: 'VectorStreamApiError',
      status: 422,
    });
    expect(
      (await client.deadLetters.replay(invalid, { payload: { ...event(950) } })).position.offset,
    ).toBeGreaterThan(0);
    expect(await client.deadLetters.replayBatch({ dry_run: true })).toMatchObject({
      matching: 1,
      refused: 1,
    });
    await client.deadLetters.purge(added.id);
    expect(await client.deadLetters.purgeMatching({ filter: { state: 'open' } })).toMatchObject({
      matching: 0,
    });
    expect((await client.deadLetters.stats()).by_state).toEqual({
      open: 0,
      replayed: 1,
      purged: 1,
    });
  }, 30_000);

  test('reads and changes the fleet, health and settings', async () => {
    expect(await client.health.ready()).toEqual({ ready: true, causes: [] });
    expect((await client.health.ready({ for: 'intake' })).ready).toBe(true);
    expect((await client.health.get()).runners.ready).toBe(1);
    expect((await client.system()).versions.node).toBe(process.versions.node);
    const [runner] = await client.runners.list();
    expect(await client.runners.get(runner?.id ?? '')).toMatchObject({ name: 'fake' });
    expect(
      (await client.config.change('pipeline', { batchAgeMsMax: 25 }))['batchAgeMsMax'],
    ).toMatchObject({ value: 25, origin: 'request' });
    expect((await client.config.get())['pipeline']?.['batchAgeMsMax']).toMatchObject({ value: 25 });
    await client.runners.remove(runner?.id ?? '');
    await expect(client.runners.drain(runner?.id ?? '')).rejects.toMatchObject({
      code: 'runner_not_found',
    });
    await gateway.ready();
  }, 30_000);

  test('follows the live feed, resumes after a lost connection, ends when aborted', async () => {
    const asked: URL[] = [];
    let cut = new AbortController();
    const follower = createClient({
      url: gateway.url,
      apiKey,
      fetch: (address, init) => {
        asked.push(new URL(address));
        cut = new AbortController();
        return fetch(address, {
          ...init,
          signal: AbortSignal.any([cut.signal, ...(init.signal ? [init.signal] : [])]),
        });
      },
    });
    const stop = new AbortController();
    const live = follower.live({
      topics: ['runner', 'dead_letter', 'sample'],
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(25_000)]),
    });
    const next = async (type: LiveMessage['type']): Promise<LiveMessage> => {
      for (;;) {
        const { value } = await live.next();
        if (value === undefined) throw new Error('The feed ended.');
        if (value.type === type) return value;
      }
    };
    expect(await next('runner')).toMatchObject({
      snapshot: true,
      data: { change: 'all', runners: [{ name: 'fake' }] },
    });
    await client.events.send([event(960)]);
    expect(await next('sample')).toMatchObject({ data: { event: { event_id: 'e-960' } } });
    await client.events.send([event(961, { user_id: '' })], { onInvalid: 'dead_letter' });
    const before = await next('dead_letter');
    cut.abort();
    let hasArrived = false;
    const after = next('dead_letter').finally(() => {
      hasArrived = true;
    });
    // The feed sends one of several dead letters within a tenth of a second.
    await until('a dead letter arrives after the break', 60_000, async () => {
      await client.events.send([event(962, { user_id: '' })], { onInvalid: 'dead_letter' });
      return hasArrived;
    });
    expect(await after).toMatchObject({ data: { event_id: 'e-962' } });
    expect(asked.map(({ searchParams }) => searchParams.get('since'))).toEqual([
      null,
      'id' in before ? before.id : '',
    ]);
    stop.abort();
    expect(await live.next()).toEqual({ done: true, value: undefined });
  }, 30_000);
});

describe('an error', () => {
  test('of the gateway has status, code, detail and request id', async () => {
    const error = await client.similar('no-such-product').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(VectorStreamApiError);
    expect(error).toMatchObject({
      status: 404,
      code: 'product_not_found',
      detail: expect.stringContaining('no event about it is stored') as unknown,
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
      retryable: false,
    });
    await expect(createClient({ url: gateway.url, apiKey: 'wrong' }).stats()).rejects.toMatchObject(
      { status: 401, code: 'api_key_wrong' },
    );
    await expect(client.embeddings('x', { model: 'gpt-5' })).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
    await expect(client.search({ query: '' })).rejects.toMatchObject({
      status: 422,
      problem: { errors: [{ path: 'query' }] },
    });
  });

  test('is a connection error if nothing answers, or the reason of an aborted signal', async () => {
    const unreachable = createClient({
      url: `http://127.0.0.1:${await freePort()}`,
      attemptsMax: 2,
    });
    await expect(unreachable.stats()).rejects.toBeInstanceOf(VectorStreamConnectionError);
    await expect(
      unreachable.stats({ signal: AbortSignal.abort(new Error('enough')) }),
    ).rejects.toThrow('enough');
    const told: boolean[] = [];
    const live = createClient({ url: gateway.url, apiKey: 'wrong' }).live({
      onConnection: (isOpen) => told.push(isOpen),
    });
    await expect(all(live)).rejects.toMatchObject({ status: 401 });
    expect(told).toEqual([false]);
  });
});
