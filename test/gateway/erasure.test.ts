// A person is erased from every place, also when the gateway dies midway, and does not come back
// when all old records are read again. What others did stays.

import { afterEach, describe, expect, test } from 'vitest';
import { eventLimits } from '#core/event/parse-event.ts';
import { createMemoryDeadLetters } from '#core/memory/memory-dead-letters.ts';
import { createMemoryLog } from '#core/memory/memory-log.ts';
import { defaultPipelineLimits, runPipeline } from '#core/pipeline/pipeline.ts';
import type {
  DeadLetters,
  EmbeddingService,
  EventSink,
  EventSource,
  LogRecord,
  VectorStore,
} from '#core/ports.ts';
import { systemClock } from '#core/time/clock.ts';
import { Erasures } from '../../gateway/erasure/erasures.ts';
import { heldSource } from '../../gateway/erasure/held-source.ts';
import { createQdrantStore } from '../../gateway/qdrant/qdrant-store.ts';
import { createLog } from '../../gateway/telemetry/gateway-log.ts';
import { openFolder, temporaryFolder } from '../adapters/embedded-harness.ts';
import { dimensions, textRecord } from '../conformance/store-records.ts';
import {
  beforeSignIn,
  filesWith,
  guest,
  hourAgo,
  lost,
  other,
  type PersonRecord,
  recordsOf as personRecords,
} from '../helpers/erased-person.ts';
import { startQdrantDouble } from '../helpers/qdrant-double.ts';
import { storeOptions } from '../helpers/qdrant/store-options.ts';
import { silentObserver } from '../helpers/silent-observer.ts';
import { until } from '../helpers/until.ts';
import { event, problemOf, testApp } from './test-services.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

const quiet = createLog({
  level: 'silent',
  format: 'json',
  secrets: new Set(),
  destination: { write: () => undefined },
});

const embedding: EmbeddingService = {
  embed: async () => ({ ok: true, embedding: textRecord(1).embedding }),
};

const encoder = new TextEncoder();
const logRecordOf = ({ key, value }: PersonRecord): LogRecord => ({
  key: key === null ? null : encoder.encode(key),
  value: encoder.encode(value),
  headers: {},
  timestamp: hourAgo,
});
const recordsOf = (user: string, count: number): LogRecord[] =>
  personRecords(user, count).map(logRecordOf);

type World = {
  readonly store: VectorStore;
  readonly deadLetters: DeadLetters;
  readonly sink: EventSink;
  readonly source: EventSource;
};

/** A gateway without its HTTP part. `stop` may be called by the test, too. */
function work(world: World) {
  const counts = { stored: 0, deadLettered: 0, erased: 0 };
  const erasures = new Erasures({ ...world, clock: systemClock, log: quiet });
  const stopping = new AbortController();
  const running = Promise.all([
    erasures.run(stopping.signal),
    runPipeline({
      erased: erasures,
      source: heldSource(world.source, erasures.loaded),
      store: world.store,
      deadLetters: world.deadLetters,
      embedding,
      isDistrusted: () => false,
      clock: systemClock,
      random: Math.random,
      limits: { ...defaultPipelineLimits, event: eventLimits },
      signal: stopping.signal,
      observer: {
        ...silentObserver,
        stored: () => void (counts.stored += 1),
        erased() {
          counts.erased += 1;
          erasures.cameAgain();
        },
        deadLettered: () => void (counts.deadLettered += 1),
      },
    }).catch(() => undefined),
  ]);
  const stop = async () => {
    stopping.abort();
    await running;
  };
  cleanUps.push(stop);
  return { erasures, counts, stop };
}

const settled = ({
  stored,
  deadLettered,
  erased,
}: Record<'stored' | 'deadLettered' | 'erased', number>) => stored + deadLettered + erased;

const isDone = async (erasures: Erasures, id: string): Promise<boolean> =>
  typeof (await erasures.request(id))?.finishedAt === 'number';

/** Everything about the other user. Records that are appended again are dead letters again. */
const othersOf = async ({ store, deadLetters }: World) => {
  const letters = await deadLetters.list({ limit: 1_000, valueBytesMax: 1_000 });
  const values = letters.map(({ value }) => Buffer.from(value).toString());
  return {
    events: (await store.events({ userId: other }, 1_000)).map(({ payload, id }) => [id, payload]),
    deadLetters: [...new Set(values.filter((value) => value.includes(other)))].toSorted(),
  };
};

const openWorld = async (folder: string) => {
  const embedded = await openFolder(folder);
  const { store, deadLetters, sink } = embedded;
  return { embedded, store, deadLetters, sink, source: await embedded.source('group') };
};

describe('in a data folder', () => {
  test('no file holds the user, after a crash midway and a replay of everything', async () => {
    await using folder = await temporaryFolder();
    const records = [
      ...recordsOf(lost, 1_000),
      ...recordsOf(other, 300),
      logRecordOf(beforeSignIn),
    ];
    let world = await openWorld(folder.path);
    let gateway = work(world);
    await world.sink.append(records);
    await until('all are settled', 60_000, () => settled(gateway.counts) === records.length);
    const before = await othersOf(world);
    expect(await filesWith(folder.path, lost)).not.toEqual([]);

    // Dies once a part of the events is gone.
    const { id } = await gateway.erasures.begin(lost);
    await until('the erasure has begun', 60_000, async () => {
      const left = await world.store.events({ userId: lost }, 1_000);
      return left.length < 900;
    });
    const died = world.embedded.kill();
    await Promise.all([died, gateway.stop()]);
    cleanUps.length = 0;

    world = await openWorld(folder.path);
    gateway = work(world);
    await until('the erasure is done', 60_000, () => isDone(gateway.erasures, id));
    expect(await filesWith(folder.path, lost, guest)).toEqual([]);
    expect(await othersOf(world)).toEqual(before);

    // The whole stream again, as a source without end would deliver it.
    await world.sink.append(records);
    await until('the replay is settled', 60_000, () => settled(gateway.counts) === records.length);
    expect(gateway.counts).toMatchObject({ erased: 1_001 });
    expect(await world.store.events({ userId: lost }, 10)).toEqual([]);
    expect(await othersOf(world)).toEqual(before);
    await until(
      'the files are clean again',
      60_000,
      async () => (await filesWith(folder.path, lost, guest)).length === 0,
    );
    expect(await othersOf(world)).toEqual(before);

    // The person comes back: what happens after the erasure is stored.
    const later = Date.now() + 1_000;
    const back = event({
      user_id: lost,
      event_id: 'new',
      timestamp: new Date(later).toISOString(),
    });
    await world.sink.append([
      { ...logRecordOf({ key: lost, value: JSON.stringify(back) }), timestamp: later },
    ]);
    await until(
      'the new event is stored',
      60_000,
      async () => (await world.store.events({ userId: lost }, 10)).length === 1,
    );
    await gateway.stop();
    await world.embedded[Symbol.asyncDispose]();
    cleanUps.length = 0;
  });
});

test('in Qdrant, no collection holds the user, and a replay brings nothing back', async () => {
  await using double = await startQdrantDouble();
  const store = createQdrantStore({
    ...storeOptions(double.url, {
      dimensions,
      clock: systemClock,
      searchPlan: 'auto',
      name: 'erase',
    }),
    timeoutMs: 1_000,
  });
  const log = createMemoryLog();
  const world: World = {
    // Without the wait for other gateways: there are none.
    store: { ...store, erasureStore: { ...store.erasureStore, settleMs: 0 } },
    deadLetters: createMemoryDeadLetters(),
    sink: log.sink,
    source: log.source('group'),
  };
  const gateway = work(world);
  const records = [...recordsOf(lost, 200), ...recordsOf(other, 100), logRecordOf(beforeSignIn)];
  await world.sink.append(records);
  await until('all are settled', 60_000, () => settled(gateway.counts) === records.length);
  const before = await othersOf(world);
  const dump = async (): Promise<string> => {
    const names = ['erase_texts', 'erase_events', 'erase_texts_sessions', 'erase_texts_erasures'];
    const { collections } = storeOptions(double.url, {
      dimensions,
      clock: systemClock,
      searchPlan: 'auto',
      name: 'erase',
    });
    const all = new Set([...names, ...Object.values(collections)]);
    for (const name of Object.values(collections)) all.add(`${name}_erasures`);
    const answers = await Promise.all(
      [...all].map(async (name) => {
        const response = await fetch(`${double.url}/collections/${name}/points/scroll`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ limit: 10_000, with_payload: true }),
        });
        return response.ok ? response.text() : '';
      }),
    );
    return answers.join('\n');
  };
  expect(await dump()).toContain(lost);
  const { id } = await gateway.erasures.begin(lost);
  await until('the erasure is done', 60_000, () => isDone(gateway.erasures, id));
  expect(await dump()).not.toContain(lost);
  expect(await dump()).toContain('"tombstone"');
  expect(await othersOf(world)).toEqual(before);
  await world.sink.append(records);
  await until(
    'the replay is settled',
    60_000,
    () => settled(gateway.counts) === 2 * records.length,
  );
  expect(gateway.counts.erased).toBe(201);
  expect(await dump()).not.toContain(lost);
  expect(await othersOf(world)).toEqual(before);
});

describe('DELETE /users/{id}', () => {
  test('answers 202 with a receipt for the progress, and never tells the id again', async () => {
    const { request, audited, services, logged, clock } = testApp();
    const stop = new AbortController();
    const running = services.erasures.run(stop.signal);
    const answer = await request(`/users/${encodeURIComponent(lost)}`, { method: 'DELETE' });
    expect(answer.status).toBe(202);
    const receipt = await answer.json();
    expect(answer.headers.get('location')).toBe(`/erasures/${receipt.receipt}`);
    expect(receipt).toMatchObject({ state: 'running', finished_at: null });
    await until('it is done', 60_000, async () => {
      await clock.advance(100);
      const { state } = await (await request(`/erasures/${receipt.receipt}`)).json();
      return state === 'done';
    });
    const again = await request(`/users/${encodeURIComponent(lost)}`, { method: 'DELETE' });
    expect((await again.json()).receipt).toBe(receipt.receipt);
    stop.abort();
    await running;
    expect(audited[0]).toMatchObject({
      method: 'DELETE',
      path: '/users/{id}',
      status: 202,
      receipt: receipt.receipt,
    });
    expect(JSON.stringify(audited) + JSON.stringify(receipt)).not.toContain('anna');
    expect(
      logged()
        .split('\n')
        .filter((line) => line.includes('"level":30'))
        .join(''),
    ).not.toContain('anna');
  });

  test('a receipt that does not exist is not found', async () => {
    const answer = await testApp().request('/erasures/00000000-0000-8000-8000-000000000000');
    expect(await problemOf(answer)).toMatchObject({ status: 404, code: 'receipt_not_found' });
  });
});
