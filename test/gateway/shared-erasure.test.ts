// Erasures where several gateways share a store: each knows whom another erased before it writes,
// and a request that comes while an older one ends is carried out.

import { afterEach, expect, test } from 'vitest';
import { eventLimits } from '#core/event/parse-event.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryDeadLetters } from '#core/memory/memory-dead-letters.ts';
import { createMemoryLog } from '#core/memory/memory-log.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { defaultPipelineLimits, runPipeline } from '#core/pipeline/pipeline.ts';
import type { ErasureStore } from '#core/ports.ts';
import { Erasures } from '../../gateway/erasure/erasures.ts';
import { createLog } from '../../gateway/telemetry/gateway-log.ts';
import { dimensions, eventRecord, noon, textRecord } from '../conformance/store-records.ts';
import { event } from './test-services.ts';

const settleMs = 20_000;
const none = (): void => undefined;
const nothing = async (): Promise<void> => undefined;
const stopping: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stopping.splice(0)) await stop();
});

const log = createLog({
  level: 'silent',
  format: 'json',
  secrets: new Set(),
  destination: { write: () => undefined },
});

/** Two gateways on one store. `over`: replaces calls of the erasure store. */
function twoGateways(over: (store: ErasureStore) => Partial<ErasureStore> = () => ({})) {
  const clock = new ManualClock(noon);
  const memory = createMemoryStore({ dimensions });
  const { erasureStore } = memory;
  const store = { ...memory, erasureStore: { ...erasureStore, settleMs, ...over(erasureStore) } };
  const events = createMemoryLog();
  const parts = { store, deadLetters: createMemoryDeadLetters(), sink: events.sink, clock };
  const start = (): Erasures => {
    const stop = new AbortController();
    const erasures = new Erasures({ ...parts, log });
    const running = erasures.run(stop.signal);
    stopping.push(async () => {
      stop.abort();
      await running;
    });
    return erasures;
  };
  const eventsOf = (userId: string) => store.events({ userId }, 10);
  return { ...parts, events, clock, eventsOf, one: start(), two: start() };
}

test('a gateway that is busy erasing knows whom another one erased before it writes', async () => {
  const { one, two, store, deadLetters, events, clock, eventsOf } = twoGateways();
  await two.begin('ben');
  await clock.advance(10);
  await one.begin('anna');
  await clock.advance(11_000);
  let erased = 0;
  const stop = new AbortController();
  const running = runPipeline({
    erased: two,
    source: events.source('group'),
    store,
    deadLetters,
    embedding: { embed: async () => ({ ok: true, embedding: textRecord(1).embedding }) },
    isDistrusted: () => false,
    clock,
    random: () => 0.5,
    limits: { ...defaultPipelineLimits, event: eventLimits },
    signal: stop.signal,
    observer: {
      received: none,
      stored: none,
      superseded: none,
      changed: none,
      ignored: none,
      erased: () => void (erased += 1),
      deadLettered: none,
      cacheRequest: none,
      storeWrite: none,
      retried: none,
      circuit: none,
    },
  });
  stopping.push(async () => {
    stop.abort();
    await running;
  });
  const value = new TextEncoder().encode(
    JSON.stringify(event({ user_id: 'anna', timestamp: new Date(noon).toISOString() })),
  );
  await events.sink.append([{ key: null, value, headers: {}, timestamp: noon }]);
  await clock.advance(1_000);
  expect([erased, await eventsOf('anna')]).toEqual([1, []]);
});

test('a request that comes to another gateway while an older one ends is carried out', async () => {
  let askAgain = nothing;
  const { one, two, store, clock, eventsOf } = twoGateways((erasureStore) => ({
    async putRequest(request) {
      if (request.finishedAt !== null) await askAgain();
      await erasureStore.putRequest(request);
    },
  }));
  const act = async (n: number): Promise<void> => {
    const record = eventRecord(n, { timestamp: clock.now(), ingestedAt: clock.now() });
    await store.putTexts([textRecord(1)]);
    await store.putEvents([{ ...record, event: { ...record.event, userId: 'anna' } }]);
  };
  askAgain = async () => {
    askAgain = nothing;
    await act(2);
    await two.begin('anna');
  };
  await act(1);
  const { id } = await one.begin('anna');
  await clock.advance(settleMs + 1_000);
  expect(await two.request(id)).toMatchObject({ userId: 'anna', finishedAt: null });
  await clock.advance(2 * settleMs);
  expect(await two.request(id)).toMatchObject({ userId: null, finishedAt: expect.any(Number) });
  expect(await eventsOf('anna')).toEqual([]);
});
