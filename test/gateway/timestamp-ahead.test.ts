// An event dated too far ahead is refused or dead-lettered; when most events are, operators hear of
// it; and once its time has come, it is replayed with the others of its kind.

import { expect, test } from 'vitest';
import { nothingErased } from '#core/erasure/tombstones.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryLog } from '#core/memory/memory-log.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { runPipeline } from '#core/pipeline/pipeline.ts';
import { pipelineLimits } from '../../gateway/startup/live-limits.ts';
import { pipelineObserver } from '../../gateway/startup/observers.ts';
import { answeringFleet, event, problemOf, testApp } from './test-services.ts';

const minute = 60_000;
const hour = 60 * minute;

/** A gateway in this process whose pipeline runs on a manual clock. */
function gateway(env: Record<string, string> = {}) {
  const clock = new ManualClock();
  const events = createMemoryLog();
  const store = createMemoryStore({ dimensions: 3, now: () => clock.now() });
  const app = testApp({ clock, store, sink: events.sink }, env);
  const { services } = app;
  const stopping = new AbortController();
  const done = runPipeline({
    erased: nothingErased,
    source: events.source('pipeline'),
    store,
    deadLetters: services.deadLetters,
    embedding: answeringFleet,
    clock,
    random: () => 1,
    limits: pipelineLimits(services.config),
    observer: pipelineObserver(services),
    signal: stopping.signal,
    isDistrusted: () => false,
  });
  let sent = 0;
  const eventAhead = (ms: number) => {
    sent += 1;
    return event({
      event_id: `e-${sent}`,
      timestamp: new Date(clock.now() + ms).toISOString(),
    });
  };
  return {
    ...app,
    clock,
    events,
    eventAhead,
    stored: async () => (await store.counts()).events,
    reasons: async () => (await services.deadLetters.stats()).byReason,
    get: async (path: string) => (await app.request(path)).json(),
    warnings: () =>
      app
        .logged()
        .split('\n')
        .filter((line) => /ahead of their records|no longer ahead/.test(line)),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await clock.advance(minute + 1_000);
      await done;
    },
  };
}

test('an event may be five minutes ahead; beyond, it is refused with its own reason', async () => {
  await using world = gateway();
  const { post, eventAhead } = world;
  expect((await post('/events', eventAhead(5 * minute))).status).toBe(202);
  expect(await problemOf(await post('/events', eventAhead(5 * minute + 1)))).toMatchObject({
    items: [{ status: 'rejected', error: { code: 'timestamp_ahead', field: 'timestamp' } }],
  });
});

test('the bound is a setting, and holds for intake and pipeline alike', async () => {
  await using world = gateway({ VECTORSTREAM_INGEST_TIMESTAMP_AHEAD_SECONDS_MAX: '7200' });
  const { clock, post, eventAhead } = world;
  expect((await post('/events', eventAhead(2 * hour))).status).toBe(202);
  await clock.advance(1_000);
  expect(await world.stored()).toBe(1);
});

test('a record from the future of this clock is judged by its own time', async () => {
  await using world = gateway();
  const { clock, events, eventAhead } = world;
  const record = (ahead: number, recordAhead: number) => ({
    key: null,
    value: new TextEncoder().encode(JSON.stringify(eventAhead(ahead))),
    headers: {},
    timestamp: clock.now() + recordAhead,
  });
  await events.sink.append([record(hour, hour), record(2 * hour, hour), record(hour, -hour)]);
  await clock.advance(1_000);
  expect(await world.stored()).toBe(1);
  expect(await world.reasons()).toEqual({ timestamp_ahead: 2 });
});

test('once their time has come, all such dead letters are replayed and stored', async () => {
  await using world = gateway();
  const { clock, post, eventAhead } = world;
  const sent = Array.from({ length: 20 }, () => eventAhead(2 * hour));
  expect((await post('/events?on_invalid=dead_letter', sent)).status).toBe(202);
  await clock.advance(1_000);
  expect(await world.reasons()).toEqual({ timestamp_ahead: 20 });
  const replay = async () => {
    const answer = await post('/dlq/replay/batch', { filter: { reason: 'timestamp_ahead' } });
    return answer.json();
  };
  expect(await replay()).toMatchObject({
    replayed: 0,
    refused: 20,
    refusals: expect.arrayContaining([expect.objectContaining({ code: 'still_invalid' })]),
  });
  await clock.advance(2 * hour);
  expect(await replay()).toMatchObject({ replayed: 20, refused: 0 });
  await clock.advance(1_000);
  expect(await world.stored()).toBe(20);
});

test.each(['reject', 'dead_letter'])(
  'most events share an offset (%s): told once, named by its zone, until it ends',
  async (onInvalid) => {
    await using world = gateway();
    const { clock, post, get, eventAhead, warnings } = world;
    const send = async (ahead: number) => {
      const sent = Array.from({ length: 20 }, () => eventAhead(ahead));
      await post(`/events?on_invalid=${onInvalid}`, sent);
      await clock.advance(minute + 1_000);
    };
    for (let round = 0; round < 3; round++) await send(5.5 * hour);
    const problem = expect.stringMatching(/05:30 hours ahead .* Asia\/Kolkata/);
    const cause = { component: 'source', code: 'timestamps_ahead', message: problem };
    expect(await get('/health')).toMatchObject({ status: 'degraded', causes: [cause] });
    expect(await get('/readyz')).toEqual({ status: 'ready', warnings: [cause] });
    const gauge = 'vectorstream_timestamp_offset_seconds';
    expect(await (await world.request('/metrics')).text()).toContain(`\n${gauge} 19800\n`);
    expect(warnings()).toHaveLength(1);

    await send(-1_000);
    expect(await get('/readyz')).toEqual({ status: 'ready', warnings: [] });
    expect(await get('/health')).toMatchObject({ status: 'ok' });
    expect(await (await world.request('/metrics')).text()).toContain(`\n${gauge} 0\n`);
    expect(warnings()).toHaveLength(2);
  },
);
