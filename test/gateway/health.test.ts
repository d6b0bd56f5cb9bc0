// Health, statistics and the state of the process, while all parts work and while some are down or
// silent.

import { describe, expect, test } from 'vitest';
import { DependencyError } from '#core/errors/errors.ts';
import { createMemoryDeadLetters } from '#core/memory/memory-dead-letters.ts';
import type { VectorStore } from '#core/ports.ts';
import { systemClock } from '#core/time/clock.ts';
import { statsOf } from '../../gateway/api/views/stats-view.ts';
import { createKafkaDeadLetters } from '../../gateway/kafka/kafka-dead-letters.ts';
import { createKafkaSource, kafkaSourceDefaults } from '../../gateway/kafka/kafka-source.ts';
import { cuttable, onlyTopic } from '../adapters/kafka-harness.ts';
import { until } from '../helpers/until.ts';
import { problemOf, quietFleet, runner, scriptedStore, testApp } from './test-services.ts';

const down = new DependencyError('qdrant', 'qdrant_down', 'connect ECONNREFUSED', {
  retryable: true,
});
const never = <T>(): Promise<T> => new Promise(() => undefined);

/** A store that works until a test sets it to down or silent. */
function switchableStore() {
  const store = scriptedStore();
  let state: 'up' | 'down' | 'silent' = 'up';
  const answer = <T>(work: () => Promise<T>): Promise<T> =>
    state === 'up' ? work() : state === 'down' ? Promise.reject(down) : never();
  const qdrant: VectorStore = {
    ...store,
    kind: 'qdrant',
    counts: () => answer(() => store.counts()),
    event: (id) => answer(() => store.event(id)),
  };
  return {
    qdrant,
    set: (next: typeof state) => {
      state = next;
    },
  };
}

describe('while the store is down', () => {
  test.each(['down', 'silent'] as const)(
    '(%s) statistics, metrics and health still answer, with the last known values',
    async (state) => {
      const { qdrant, set } = switchableStore();
      const { request, clock } = testApp({ store: qdrant });
      expect(await (await request('/stats')).json()).toMatchObject({
        store: { texts: 1, events: 2, as_of: '2026-01-01T00:00:00.000Z' },
      });
      set(state);
      await clock.advance(60_000);
      /** Lets the time limit for the store pass. */
      const answered = async (path: string): Promise<Response> => {
        const response = request(path);
        await clock.advance(1_000);
        return response;
      };
      expect(await (await answered('/stats')).json()).toMatchObject({
        events: { received: 0, lag: 0 },
        store: { texts: 1, events: 2, as_of: '2026-01-01T00:00:00.000Z' },
      });
      expect((await answered('/metrics')).status).toBe(200);
      expect(await (await answered('/health')).json()).toMatchObject({
        status: 'degraded',
        store: { status: 'down', circuit: 'closed', texts: 1 },
        source: { status: 'ok' },
      });
      expect(await problemOf(await answered('/health/qdrant'))).toMatchObject({
        status: 503,
        code: 'qdrant_down',
        kind: 'qdrant',
        texts: 1,
        trouble: expect.stringMatching(/ECONNREFUSED|no answer within 1000 ms/),
      });
      for (const path of ['/livez', '/startupz', '/health/kafka', '/health/runners', '/system'])
        expect((await answered(path)).status).toBe(200);
      set('up');
      // While a request to the store has no answer, no second one is sent.
      expect((await answered('/health/qdrant')).status).toBe(state === 'down' ? 200 : 503);
    },
  );

  test('and has never answered, its numbers are null', async () => {
    const deadLetters = { ...createMemoryDeadLetters(), stats: () => Promise.reject(down) };
    const { request } = testApp({
      store: { ...scriptedStore(), counts: () => Promise.reject(down) },
      deadLetters,
    });
    expect(await (await request('/stats')).json()).toMatchObject({
      store: null,
      dead_letters: null,
      memory: {},
    });
    expect(await (await request('/health')).json()).toMatchObject({
      dead_letters: { status: 'down', open: null },
    });
    expect(await (await request('/metrics')).text()).not.toMatch(/^vectorstream_dead_letters\{/m);
  });
});

test.for([
  ['nobody checks the fleet', { checkedBy: 'nobody' }, 'unchecked_fleet'],
  ['texts need a trusted runner', { held: 3 }, 'needs_trusted_runner'],
] as const)('that %s is a cause in /health, and a figure in /metrics', async ([, state, code]) => {
  const { request } = testApp({ fleet: () => ({ ...quietFleet, ...state }) });
  expect(await (await request('/health')).json()).toMatchObject({
    status: 'degraded',
    causes: [{ component: 'runners', code }],
  });
  // Events are taken, and searches are answered.
  expect((await request('/readyz')).status).toBe(200);
  const metrics = await (await request('/metrics')).text();
  expect(metrics).toContain(
    code === 'unchecked_fleet'
      ? 'vectorstream_fleet_checked_by{verifiers="nobody"} 1'
      : 'vectorstream_texts_needing_trusted_runner 3',
  );
});

test('lag and dead letters of a broker that never answered are unknown, not 0', async () => {
  await using source = createKafkaSource({
    ...kafkaSourceDefaults,
    connection: cuttable('127.0.0.1:1'),
    topics: onlyTopic({ topic: 'events', partitions: 1, config: {}, mayCreate: false }),
    groupId: 'group',
    clock: systemClock,
  });
  await using deadLetters = createKafkaDeadLetters({
    connection: cuttable('127.0.0.1:1'),
    topic: 'events.dlq',
    partitions: 1,
    mayCreate: false,
    compression: 'none',
    groupId: 'group',
    sessionMs: 1_000,
    clock: systemClock,
  });
  await until('the dead letters fail', 60_000, () =>
    deadLetters.list({ limit: 1, valueBytesMax: 0 }).then(
      () => false,
      (error: unknown) => String(error).includes('ECONNREFUSED'),
    ),
  );
  const { request, services } = testApp({ source, deadLetters });
  const known = { events: { lag: null }, dead_letters: null };
  expect(await (await request('/stats')).json()).toMatchObject(known);
  expect((await statsOf(services)).events.lag).toBeNull();
  expect(await (await request('/health')).json()).toMatchObject({
    source: { status: 'down', lag: null, partitions: [] },
    dead_letters: { status: 'down', open: null },
  });
  expect(await (await request('/metrics')).text()).not.toMatch(
    /^vectorstream_(consumer_lag|dead_letters)\{/m,
  );
}, 30_000);

test('each part names its engine, or says that it is not used', async () => {
  const { request, services } = testApp();
  expect(await (await request('/health/kafka')).json()).toEqual({
    status: 'not_used',
    kind: 'memory',
  });
  expect(await (await request('/health/qdrant')).json()).toEqual({
    status: 'not_used',
    kind: 'memory',
  });
  services.telemetry.golden('cpu', 0.998, 'right');
  services.telemetry.golden('webgpu', 0.1, 'wrong');
  services.telemetry.quarantined('webgpu', 'wrong');
  services.telemetry.circuit('store', 'open');
  expect(await (await request('/health/runners')).json()).toMatchObject({
    status: 'ok',
    connected: 1,
    ready: 1,
    texts_per_second: 812.4,
    last_check: { device: 'cpu', cosine: 0.998 },
  });
  expect(await (await request('/health')).json()).toMatchObject({
    store: { circuit: 'open' },
    source: { partitions: expect.any(Array), latency_ms: expect.any(Number) },
  });
  expect(
    await problemOf(await testApp({ runners: () => [] }).request('/health/runners')),
  ).toMatchObject({ status: 503, code: 'runners_down', connected: 0 });
});

test('a sink that takes nothing is an outage that names it', async () => {
  const { services, request } = testApp();
  services.telemetry.circuit('sink', 'open');
  expect(await (await request('/health')).json()).toMatchObject({
    causes: [
      { component: 'sink', severity: 'outage', message: expect.stringContaining('sink.topic') },
    ],
  });
});

test('the process reports its event loop, memory, disk and file handles', async () => {
  const { request } = testApp({}, { VECTORSTREAM_DATA_DIR: '.' });
  const first = await (await request('/system')).json();
  expect(first).toMatchObject({
    status: 'ok',
    causes: [],
    versions: { node: process.versions.node },
    disk: { free_bytes: expect.any(Number) },
  });
  expect(first.memory.rss_bytes).toBeGreaterThan(10e6);
  expect(first.disk.total_bytes).toBeGreaterThanOrEqual(first.disk.free_bytes);
  await until('a busy event loop is seen', 60_000, async () => {
    const end = performance.now() + 60;
    while (performance.now() < end);
    return (await (await request('/system')).json()).event_loop_delay_ms.max > 20;
  });
  expect((await request('/health/system')).status).toBe(200);
});

test('a runner is drained or removed by its id, and an unknown id is a 404', async () => {
  const asked: string[] = [];
  const { request } = testApp({
    drainRunner: (id) => asked.push(`drain ${id}`) > 0,
    removeRunner: (id) => asked.push(`remove ${id}`) > 0,
  });
  expect(await (await request(`/runners/${runner.id}`)).json()).toMatchObject({
    id: runner.id,
    state: 'ready',
  });
  expect((await request(`/runners/${runner.id}/drain`, { method: 'POST' })).status).toBe(202);
  expect((await request(`/runners/${runner.id}`, { method: 'DELETE' })).status).toBe(204);
  expect(asked).toEqual([`drain ${runner.id}`, `remove ${runner.id}`]);
  for (const [path, method] of [
    ['/runners/unknown', 'GET'],
    ['/runners/unknown/drain', 'POST'],
    ['/runners/unknown', 'DELETE'],
  ] as const) {
    expect(await problemOf(await request(path, { method }))).toMatchObject({
      status: 404,
      code: 'runner_not_found',
    });
  }
});

test('a path lists its methods when asked by OPTIONS or a wrong method', async () => {
  const { request } = testApp();
  const options = await request('/events', { method: 'OPTIONS' });
  expect([options.status, options.headers.get('allow')]).toEqual([204, 'POST, GET, HEAD']);
  expect((await request('/stats', { method: 'HEAD' })).status).toBe(200);
  const patch = await request('/runners/x/drain', { method: 'PATCH' });
  expect([await problemOf(patch), patch.headers.get('allow')]).toEqual([
    expect.objectContaining({ code: 'method_not_allowed' }),
    'POST',
  ]);
});
