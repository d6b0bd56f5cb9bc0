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
import { silentObserver } from '../helpers/silent-observer.ts';
import { event } from './test-services.ts';

const settleMs = 20_000;
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
  const start = () => {
    const stop = new AbortController();
    const erasures = new Erasures({ ...parts, log });
    const running = erasures.run(stop.signal);
    stopping.push(async () => {
      stop.abort();
      await running;
    });
    return { erasures, die: () => stop.abort() };
  };
  const [one, two] = [start(), start()];
  const act = async (n: number, userId: string): Promise<void> => {
    const record = eventRecord(n, { timestamp: clock.now(), ingestedAt: clock.now() });
    await store.putTexts([textRecord(1)]);
    const payload = JSON.stringify({ user_id: userId, session_id: 's-1' });
    await store.putEvents([
      { ...record, event: { ...record.event, userId, sessionId: 's-1', payload } },
    ]);
  };
  const eventsOf = (userId: string) => store.events({ userId }, 10);
  const gateways = { one: one.erasures, two: two.erasures, oneDies: one.die };
  return { ...parts, ...gateways, events, clock, eventsOf, act };
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
    observer: { ...silentObserver, erased: () => void (erased += 1) },
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

test('many persons are erased together, and not one wait after another', async () => {
  const { one, clock, eventsOf, act } = twoGateways();
  const persons = Array.from({ length: 20 }, (_, n) => `person ${n}`);
  for (const [n, person] of persons.entries()) await act(n, person);
  const ids: string[] = [];
  for (const person of persons) ids.push((await one.begin(person)).id);
  await clock.advance(3 * settleMs);
  const requests = await Promise.all(ids.map((id) => one.request(id)));
  expect(requests.filter((request) => request?.finishedAt === null)).toEqual([]);
  const left = await Promise.all(persons.map(eventsOf));
  expect(left.flat()).toEqual([]);
});

test('a request that comes to another gateway while an older one ends is carried out', async () => {
  let askAgain = nothing;
  const { one, two, clock, eventsOf, act } = twoGateways((erasureStore) => ({
    async putRequest(request) {
      if (request.finishedAt !== null) await askAgain();
      await erasureStore.putRequest(request);
    },
  }));
  askAgain = async () => {
    askAgain = nothing;
    await act(2, 'anna');
    await two.begin('anna');
  };
  await act(1, 'anna');
  const { id } = await one.begin('anna');
  await clock.advance(settleMs + 1_000);
  expect(await two.request(id)).toMatchObject({ userId: 'anna', finishedAt: null });
  await clock.advance(2 * settleMs);
  expect(await two.request(id)).toMatchObject({ userId: null, finishedAt: expect.any(Number) });
  expect(await eventsOf('anna')).toEqual([]);
});

test('a second request that overtakes the first loses no session, even in a crash', async () => {
  const secondHasRead = Promise.withResolvers<void>();
  const oneHasChecked = Promise.withResolvers<void>();
  const oneIsDead = Promise.withResolvers<void>();
  let second: Promise<unknown> | null = null;
  let reads = 0;
  let steps = 0;
  const { one, two, oneDies, clock, eventsOf, act } = twoGateways((erasureStore) => ({
    async putRequest(request) {
      if (second !== null) await oneHasChecked.promise;
      else if (request.sessionIds.length > 0) {
        second = two.begin('anna');
        await secondHasRead.promise;
      }
      await erasureStore.putRequest(request);
    },
    async request(id) {
      const found = await erasureStore.request(id);
      reads += 1;
      if (reads === 2) secondHasRead.resolve();
      if (reads === 3) {
        oneHasChecked.resolve();
        await second;
      }
      return found;
    },
    async openRequests() {
      if (second !== null) await oneIsDead.promise;
      return erasureStore.openRequests();
    },
    async eraseEvents(request) {
      steps += 1;
      if (steps > 1) return erasureStore.eraseEvents(request);
      // A step takes a part of the session: here, what the user did in it.
      const step = await erasureStore.eraseEvents({
        ...request,
        subject: { kind: 'user', id: 'anna' },
      });
      oneDies();
      oneIsDead.resolve();
      return { ...step, more: true };
    },
  }));
  await act(1, 'anna');
  await act(2, 'guest');
  const { id } = await one.begin('anna');
  await oneIsDead.promise;
  await clock.advance(2 * settleMs);
  expect(await two.request(id)).toMatchObject({ userId: null, finishedAt: expect.any(Number) });
  expect(await eventsOf('guest')).toEqual([]);
});
