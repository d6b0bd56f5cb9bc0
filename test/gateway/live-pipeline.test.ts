// Every setting of the pipeline that can change live, changed while events are in flight: it then
// works as if it had started with the new value.

import { afterEach, describe, expect, test } from 'vitest';
import { nothingErased } from '#core/erasure/tombstones.ts';
import { DependencyError } from '#core/errors/errors.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryDeadLetters } from '#core/memory/memory-dead-letters.ts';
import { createMemoryLog } from '#core/memory/memory-log.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { runPipeline } from '#core/pipeline/pipeline.ts';
import type { FleetResult, VectorStore } from '#core/ports.ts';
import { Settings } from '../../gateway/config/live-settings.ts';
import { hubLimits, pipelineLimits } from '../../gateway/startup/live-limits.ts';
import { dimensions, fakeVector } from '../helpers/fake-model.ts';
import { silentObserver } from '../helpers/silent-observer.ts';

const startsAt = Date.UTC(2026, 10, 23, 12);
const provenance = {
  runnerSession: 's',
  runnerName: 'r',
  device: 'cpu',
  dtype: 'fp32',
  embeddedAt: startsAt,
  checkedAt: startsAt,
};
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** A pipeline with a scripted store and fleet, and a record of what it did. */
function world(env: Record<string, string>) {
  const settings = new Settings({ yaml: null, env, flags: new Map() });
  const clock = new ManualClock(startsAt);
  const memoryStore = createMemoryStore({ dimensions, now: () => clock.now() });
  const events = createMemoryLog({ batchMax: 1 });
  const seen = {
    writes: 0,
    looked: [] as string[],
    embedded: [] as string[],
    retries: [] as number[],
    circuit: [] as string[],
    cache: [] as string[],
  };
  const held: (() => void)[] = [];
  const behaviour = { holdsWrites: false, holdsTexts: false, isDown: false };
  const hold = (): Promise<void> => new Promise((resolve) => held.push(resolve));
  const store: VectorStore = {
    ...memoryStore,
    batchMax: { texts: 1, events: 1 },
    async knownTexts(ids) {
      if (behaviour.isDown)
        throw new DependencyError('store', 'down', 'It is down.', { retryable: true });
      return memoryStore.knownTexts(ids);
    },
    async putEvents(records) {
      seen.writes += 1;
      if (behaviour.holdsWrites) await hold();
      return memoryStore.putEvents(records);
    },
  };
  const stop = new AbortController();
  const done = runPipeline({
    erased: nothingErased,
    source: events.source('test'),
    store,
    deadLetters: createMemoryDeadLetters(),
    clock,
    random: () => 1,
    limits: pipelineLimits(settings.config),
    isDistrusted: () => false,
    signal: stop.signal,
    embedding: {
      async embed(text): Promise<FleetResult> {
        seen.embedded.push(text);
        if (behaviour.holdsTexts) await hold();
        return { ok: true, embedding: { vector: fakeVector(text), provenance } };
      },
    },
    observer: {
      ...silentObserver,
      cacheRequest: (result) => seen.cache.push(result),
      retried: () => seen.retries.push(clock.now() - startsAt),
      circuit: (_, state) => seen.circuit.push(`${state} at ${clock.now() - startsAt}`),
    },
  });
  ends.push(async () => {
    Object.assign(behaviour, { holdsWrites: false, holdsTexts: false, isDown: false });
    stop.abort();
    for (let left = true; left;) {
      for (const release of held.splice(0)) release();
      await clock.advance(10_000);
      left = held.length > 0;
    }
    await done;
  });
  let sent = 0;
  return {
    clock,
    seen,
    behaviour,
    change: (section: string, values: Record<string, unknown>) =>
      settings.change(section, values, false),
    release: () => held.shift()?.(),
    /** Each event has its own product unless one is given. */
    send: async (product: string = `product ${sent}`, padding = 0): Promise<void> => {
      sent += 1;
      const event = {
        event_id: `e-${sent}`,
        timestamp: '2026-11-23T11:00:00Z',
        user_id: 'u',
        session_id: 's',
        event_type: 'view',
        product: { id: product, name: product, price: 5 },
        padding: 'x'.repeat(padding),
      };
      await events.sink.append([
        {
          key: null,
          value: new TextEncoder().encode(JSON.stringify(event)),
          headers: {},
          timestamp: clock.now(),
        },
      ]);
      await clock.advance(0);
    },
  };
}

describe('while the pipeline runs', () => {
  test('pipeline.batchAgeMsMax: an incomplete batch goes sooner', async () => {
    const { clock, seen, change, send } = world({ VECTORSTREAM_PIPELINE_BATCH_AGE_MS_MAX: '5000' });
    await send();
    await clock.advance(1000);
    expect(seen.cache).toEqual([]);
    await change('pipeline', { batchAgeMsMax: 1 });
    await send();
    await clock.advance(10);
    expect([seen.cache, seen.writes]).toEqual([['miss', 'miss'], 2]);
  });

  test('pipeline.writesInFlightMax: more writes at once', async () => {
    const { clock, seen, behaviour, change, send } = world({
      VECTORSTREAM_PIPELINE_WRITES_IN_FLIGHT_MAX: '1',
      VECTORSTREAM_PIPELINE_BATCH_AGE_MS_MAX: '0',
    });
    behaviour.holdsWrites = true;
    for (let i = 0; i < 4; i += 1) await send();
    await clock.advance(10);
    expect(seen.writes).toBe(1);
    await change('pipeline', { writesInFlightMax: 3 });
    await send();
    await clock.advance(10);
    expect(seen.writes).toBe(3);
  });

  test('pipeline.unsettledMax: the fleet has room for the texts of the highest value', async () => {
    const settings = new Settings({ yaml: null, env: {}, flags: new Map() });
    const { tasksMax } = hubLimits(settings.config);
    await expect(settings.change('pipeline', { unsettledMax: tasksMax }, false)).rejects.toThrow(
      'whole number from 1 to 1000000',
    );
    expect(tasksMax).toBeGreaterThan(1_000_000);
  });

  test('pipeline.unsettledMax and unsettledBytesMax: more in flight', async () => {
    const { clock, seen, behaviour, change, release, send } = world({
      VECTORSTREAM_PIPELINE_UNSETTLED_MAX: '2',
      VECTORSTREAM_PIPELINE_UNSETTLED_BYTES_MAX: String(2 ** 20),
      VECTORSTREAM_PIPELINE_BATCH_AGE_MS_MAX: '0',
    });
    behaviour.holdsTexts = true;
    for (let i = 0; i < 20; i += 1) await send(undefined, 200_000);
    await clock.advance(10);
    expect(seen.embedded).toHaveLength(2);
    await change('pipeline', { unsettledMax: 100 });
    release();
    await clock.advance(10);
    // Six of 200,000 bytes are the first to fill a mebibyte; one of them has left.
    expect(seen.embedded).toHaveLength(7);
    await change('pipeline', { unsettledBytesMax: 2 * 2 ** 20 });
    release();
    await clock.advance(10);
    expect(seen.embedded).toHaveLength(13);
  });

  test('pipeline.knownTextsMax: fewer texts are cached', async () => {
    const { clock, seen, change, send } = world({ VECTORSTREAM_PIPELINE_BATCH_AGE_MS_MAX: '0' });
    for (const product of ['a', 'b', 'a', 'b']) {
      await send(product);
      await clock.advance(10);
    }
    expect(seen.cache).toEqual(['miss', 'miss', 'hit', 'hit']);
    await change('pipeline', { knownTextsMax: 1 });
    for (const product of ['c', 'c', 'a']) {
      await send(product);
      await clock.advance(10);
    }
    expect(seen.cache.slice(4)).toEqual(['miss', 'hit', 'store']);
  });

  test('retries.delayMs and delayMsMax: retries of a long outage use the new delays', async () => {
    const { clock, seen, behaviour, change, send } = world({
      VECTORSTREAM_PIPELINE_BATCH_AGE_MS_MAX: '0',
      VECTORSTREAM_RETRIES_CIRCUIT_FAILURES_MAX: '1000',
    });
    behaviour.isDown = true;
    await send();
    await clock.advance(1000);
    expect(seen.retries).toEqual([0, 100, 300, 700]);
    await change('retries', { delayMs: 10, delayMsMax: 50 });
    await clock.advance(700);
    expect(seen.retries.slice(4)).toEqual([1500, 1550, 1600, 1650, 1700]);
  });

  test('retries.circuit*: circuitFailuresMax, circuitDelayMs, circuitDelayMsMax', async () => {
    const { clock, seen, behaviour, change, send } = world({
      VECTORSTREAM_PIPELINE_BATCH_AGE_MS_MAX: '0',
      VECTORSTREAM_RETRIES_CIRCUIT_FAILURES_MAX: '1000',
    });
    behaviour.isDown = true;
    await change('retries', { delayMs: 1, delayMsMax: 1 });
    await send();
    await clock.advance(20);
    expect(seen.circuit).toEqual([]);
    await change('retries', { circuitFailuresMax: 2, circuitDelayMs: 100, circuitDelayMsMax: 200 });
    await clock.advance(1);
    expect(seen.circuit).toEqual(['open at 21']);
    await clock.advance(1000);
    const probes = seen.circuit
      .filter((entry) => entry.startsWith('half-open'))
      .map((entry) => Number(entry.split(' at ')[1]));
    expect(probes.length).toBeGreaterThan(3);
    expect(
      probes.slice(0, 4).map((at, index) => at - (index === 0 ? 21 : (probes[index - 1] ?? 0))),
    ).toEqual([100, 200, 200, 200]);
  });
});
