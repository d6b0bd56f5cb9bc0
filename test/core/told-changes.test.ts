// Whoever reads the sink knows what the store has: through lost acknowledgements, outages and
// crashes, after repairs and after erasures.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nothingErased, type ErasedEvents } from '#core/erasure/tombstones.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import { uuidV5 } from '#core/event/uuid.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryDeadLetters } from '#core/memory/memory-dead-letters.ts';
import { createMemoryLog } from '#core/memory/memory-log.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { announcedStore } from '#core/pipeline/changes/announced-store.ts';
import { ChangeFeed } from '#core/pipeline/changes/change-feed.ts';
import type { ChangeFormat } from '#core/pipeline/changes/change-record.ts';
import { defaultPipelineLimits, runPipeline } from '#core/pipeline/pipeline.ts';
import type { EmbeddingService, EventRecord, LogRecord, VectorStore } from '#core/ports.ts';
import {
  dimensions as small,
  eventIdOf,
  eventRecord,
  textIdOf,
  textRecord,
  unit,
} from '../conformance/store-records.ts';
import { dimensions, fakeVector } from '../helpers/fake-model.ts';
import { seeded } from '../helpers/seeded.ts';
import { silentObserver } from '../helpers/silent-observer.ts';
import { byPartition, knownFrom, sinkDouble, toldOf } from '../helpers/sink-consumer.ts';
import { unreliably, watchedSource } from '../helpers/unreliable.ts';

const startsAt = Date.UTC(2026, 10, 23, 12);
const format: ChangeFormat = {
  key: 'text',
  content: 'embedding',
  model: { id: 'm', revision: 'r' },
};
const encode = (text: string) => new TextEncoder().encode(text);

type Sent = { readonly id: number; readonly version: number; readonly product: number };

function recordOf({ id, version, product }: Sent): LogRecord {
  const event = {
    event_id: `event-${id}`,
    timestamp: new Date(startsAt - 1_000 + version).toISOString(),
    user_id: 'u',
    session_id: 's',
    event_type: 'view',
    product: { id: `p${product}`, name: `product ${product}`, price: 5 },
  };
  return {
    key: encode(event.event_id),
    value: encode(JSON.stringify(event)),
    headers: {},
    timestamp: startsAt,
  };
}

function world(random: () => number, faultRate: number, changed: Partial<ChangeFormat> = {}) {
  const clock = new ManualClock(startsAt);
  const memory = createMemoryStore({ dimensions, now: () => clock.now() });
  const faults = { clock, random, faultRate, msMax: 20 };
  const store: VectorStore = {
    ...memory,
    putTexts: (texts) => unreliably(() => memory.putTexts(texts), faults),
    putEvents: (events) => unreliably(() => memory.putEvents(events), faults),
  };
  const sink = sinkDouble(faults);
  const log = createMemoryLog({ partitions: 2, unsettledMax: 1_000, batchMax: 7 });
  const deadLetters = createMemoryDeadLetters();
  const embedding: EmbeddingService = {
    embed: async (text) => ({
      ok: true,
      embedding: {
        vector: fakeVector(text),
        provenance: {
          runnerSession: 's',
          runnerName: 'r',
          device: 'cpu',
          dtype: 'fp32',
          embeddedAt: clock.now(),
          checkedAt: startsAt,
        },
      },
    }),
  };
  const told = {
    get events() {
      return new Set(
        sink.records.map((record) => toldOf(record).value?.event_id ?? '').filter(Boolean),
      );
    },
    deadLetters: new Set<string>(),
  };

  async function run(until: 'drained' | number, end: 'stop' | 'crash'): Promise<void> {
    const source = log.source('group');
    const stop = new AbortController();
    const changes = new ChangeFeed({ store, sink, clock, format: { ...format, ...changed } });
    const state = { ended: false };
    const outcome = runPipeline({
      erased: nothingErased,
      source: watchedSource(source, told, (isKept, otherwise) =>
        expect(isKept, otherwise).toBe(true),
      ),
      store: announcedStore(store, changes),
      deadLetters,
      embedding,
      clock,
      random,
      limits: { ...defaultPipelineLimits, event: eventLimits, changes },
      observer: silentObserver,
      isDistrusted: () => false,
      signal: stop.signal,
    }).finally(() => {
      state.ended = true;
    });
    const stopAt = until === 'drained' ? Infinity : clock.monotonic() + until;
    for (let step = 0; !state.ended && clock.monotonic() < stopAt && step < 100_000; step++) {
      await clock.advance(10);
      const isRead = (await source.lag()).every(({ lag }) => lag === 0);
      if (until === 'drained' && source.unsettled() === 0 && isRead) break;
    }
    if (end === 'crash') source.crash();
    stop.abort();
    for (let step = 0; !state.ended && step < 10_000; step++) await clock.advance(10);
    await outcome;
    await source[Symbol.asyncDispose]();
  }
  return { clock, memory, sink, log, deadLetters, run };
}

async function storedIn(store: VectorStore) {
  const stored = await store.events({}, 1_000);
  const events = new Map(
    stored.map(({ id, textId, timestamp }) => [
      id,
      { textId, timestamp: new Date(timestamp).toISOString() },
    ]),
  );
  return { events, vectors: await store.vectors(stored.map(({ textId }) => textId)) };
}

describe('the pipeline with a sink', () => {
  test.each(['text', 'event'] as const)(
    'an event settles when the sink has it, and the sink ends as the store does (key: %s)',
    async (key) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(
            fc.record({
              id: fc.integer({ min: 0, max: 30 }),
              version: fc.integer({ min: 0, max: 3 }),
              product: fc.integer({ min: 0, max: 6 }),
            }),
            { maxLength: 50 },
          ),
          fc.integer(),
          fc.double({ min: 0, max: 0.4, noNaN: true }),
          fc.array(fc.integer({ min: 10, max: 1_000 }), { maxLength: 3 }),
          async (sent, seed, faultRate, crashesAfterMs) => {
            const { run, log, memory, sink, deadLetters } = world(seeded(seed).next, faultRate, {
              key,
            });
            await log.sink.append(sent.map(recordOf));
            for (const ms of crashesAfterMs) await run(ms, 'crash');
            await run('drained', 'stop');
            const stored = await storedIn(memory);
            const known = knownFrom(sink.records);
            expect(known.events).toEqual(stored.events);
            expect(knownFrom(byPartition(sink.records)).events).toEqual(stored.events);
            for (const [textId, vector] of stored.vectors)
              expect(known.vectors.get(textId)).toEqual(vector);
            expect(await deadLetters.list({ limit: 1, valueBytesMax: 0 })).toEqual([]);
          },
        ),
        { numRuns: 40 },
      );
    },
  );

  test('while it is down intake pauses, nothing is dead-lettered, and all resumes', async () => {
    const { run, log, memory, sink, deadLetters, clock } = world(seeded(3).next, 0);
    const sent = Array.from({ length: 400 }, (_, id) => ({ id, version: 0, product: id % 9 }));
    await log.sink.append(sent.slice(0, 100).map(recordOf));
    sink.isDown = true;
    const later = clock.sleep(30_000).then(() => log.sink.append(sent.slice(100).map(recordOf)));
    await run(60_000, 'stop');
    await later;
    expect(sink.records).toEqual([]);
    // One batch may pass while the circuit lets one call try.
    expect((await memory.counts()).events).toBeLessThan(200);
    sink.isDown = false;
    await run('drained', 'stop');
    expect(knownFrom(sink.records).events.size).toBe(400);
    expect(await deadLetters.list({ limit: 1, valueBytesMax: 0 })).toEqual([]);
  });

  test('an older version that is told of later changes nothing', async () => {
    const { feed, sink, store } = shop();
    await store.putTexts([textRecord(1), textRecord(2)]);
    await feed.events([written({ text: 2, timestamp: 7 })], nothingErased);
    await feed.events([written({ text: 1, timestamp: 6 })], nothingErased);
    expect([...known(sink).events.values()]).toMatchObject([{ textId: textIdOf(2) }]);
  });

  test('with content text_id a record names the text and has no vector', async () => {
    const { run, log, sink } = world(seeded(4).next, 0, { content: 'text_id', key: 'event' });
    await log.sink.append([recordOf({ id: 1, version: 0, product: 2 })]);
    await run('drained', 'stop');
    expect(sink.records.map(toldOf)).toEqual([
      {
        key: uuidV5('event-1'),
        value: {
          kind: 'event',
          id: uuidV5('event-1'),
          event_id: 'event-1',
          event_type: 'view',
          timestamp: new Date(startsAt - 1_000).toISOString(),
          product_id: 'p2',
          text_id: expect.any(String),
        },
      },
    ]);
  });
});

function shop(changed: Partial<ChangeFormat> = {}) {
  const store = createMemoryStore({ dimensions: small });
  const sink = sinkDouble();
  const clock = new ManualClock();
  const feed = new ChangeFeed({ store, sink, clock, format: { ...format, ...changed } });
  return { store, sink, feed, announced: announcedStore(store, feed) };
}

const by = (userId: string, { event, ...record }: EventRecord): EventRecord => {
  const payload = JSON.stringify({ event_id: event.eventId, event_type: event.eventType });
  return { ...record, event: { ...event, userId, payload } };
};
const written = (changes: { readonly text: number; readonly timestamp: number }) => ({
  record: eventRecord(1, changes),
  isSuperseded: false,
});
const liar = { runnerSession: 'session-1', since: 0 };
const from = (session: string, n: number, vector = unit(n)) => {
  const record = textRecord(n);
  const provenance = { ...record.embedding.provenance, runnerSession: session };
  return { ...record, embedding: { vector, provenance } };
};
const known = (sink: { readonly records: readonly LogRecord[] }) => knownFrom(sink.records);

describe('after a repair', () => {
  test('a vector is told as withheld, then as replaced; a new text alone is not told', async () => {
    const { announced, sink } = shop();
    await announced.putTexts([textRecord(1), textRecord(2)]);
    expect(sink.records).toEqual([]);
    await announced.provenanceStore.withhold(liar);
    expect(await announced.provenanceStore.withheld(1)).toHaveLength(1);
    const untold = { kind: 'text', vector: null, embedded_at: null };
    const told = sink.records.map(toldOf);
    expect(told).toHaveLength(2);
    for (const { key, value } of told) expect(value).toMatchObject({ ...untold, text_id: key });
    await announced.provenanceStore.withheld(1);
    expect(sink.records).toHaveLength(2);
    await announced.putTexts([from('honest', 1, unit(5))]);
    expect(known(sink).vectors).toEqual(new Map([[textIdOf(1), unit(5)]]));
  });

  test('while the sink is down a vector is withheld, and the next start tells of it', async () => {
    const { store, announced, sink, feed } = shop();
    await announced.putTexts([textRecord(1)]);
    sink.isDown = true;
    await announced.provenanceStore.withhold(liar);
    expect(await store.vectors([textIdOf(1)])).toEqual(new Map());
    const unavailable = { code: 'sink_unavailable', retryable: true };
    await expect(announced.provenanceStore.withheld(1)).rejects.toMatchObject(unavailable);
    await expect(announced.putTexts([from('honest', 1)])).rejects.toMatchObject(unavailable);
    sink.isDown = false;
    const next = announcedStore(store, feed);
    expect(await next.provenanceStore.withheld(1)).toHaveLength(1);
    expect(sink.records.map(toldOf)).toMatchObject([{ key: textIdOf(1), value: { vector: null } }]);
  });

  test('a crash between sink and store leaves the text to be told of again', async () => {
    const { store, sink, feed } = shop();
    await store.putTexts([textRecord(1)]);
    const crashing = announcedStore(
      { ...store, putTexts: () => Promise.reject(new Error('killed')) },
      feed,
    );
    await expect(crashing.putTexts([from('honest', 1, unit(3))])).rejects.toThrow('killed');
    expect(known(sink).vectors.get(textIdOf(1))).toEqual(unit(3));
    await announcedStore(store, feed).putTexts([from('honest-2', 1, unit(4))]);
    expect(known(sink).vectors).toEqual(await store.vectors([textIdOf(1)]));
  });

  test('a text that is withheld again is told of again', async () => {
    const { announced, sink } = shop();
    await announced.putTexts([textRecord(1)]);
    for (const session of ['session-1', 'session-2']) {
      await announced.provenanceStore.withhold({ runnerSession: session, since: 0 });
      await announced.provenanceStore.withheld(10);
      expect(known(sink).vectors.has(textIdOf(1))).toBe(false);
      await announced.putTexts([from('session-2', 1)]);
    }
    const vectors = sink.records.map((record) => toldOf(record).value?.vector);
    expect(vectors.filter((vector) => vector === null)).toHaveLength(2);
  });

  test('a vector that the store refuses is taken back', async () => {
    const { store, sink, feed } = shop();
    await store.putTexts([textRecord(1)]);
    const refusing = announcedStore(
      { ...store, putTexts: async () => [{ status: 'rejected', message: 'no' }] },
      feed,
    );
    await refusing.putTexts([from('honest', 1, unit(3))]);
    expect(known(sink).vectors).toEqual(await store.vectors([textIdOf(1)]));
  });

  test('a vector that another gateway replaces meanwhile is told last', async () => {
    const { store, sink } = shop();
    await store.putTexts([textRecord(1)]);
    await store.putEvents([eventRecord(1, { text: 1 })]);
    let isFirst = true;
    const feed = new ChangeFeed({
      store,
      clock: new ManualClock(),
      format,
      sink: {
        async append(records) {
          if (isFirst) await store.putTexts([from('honest', 1, unit(6))]);
          isFirst = false;
          return sink.append(records);
        },
      },
    });
    await feed.events(
      [{ record: eventRecord(1, { text: 1 }), isSuperseded: false }],
      nothingErased,
    );
    expect(sink.records.map((record) => toldOf(record).value?.kind)).toEqual(['event', 'text']);
    expect(known(sink).vectors.get(textIdOf(1))).toEqual(unit(6));
  });
});

const erasedUntil = Date.UTC(2027, 0, 1);
const erasure = { subject: { kind: 'user', id: 'user-1' }, until: erasedUntil } as const;

async function withPerson(changed: Partial<ChangeFormat> = {}) {
  const all = shop(changed);
  const records = [
    eventRecord(1, { text: 1 }),
    eventRecord(2, { text: 2, eventType: 'search' }),
    eventRecord(3, { text: 3, eventType: 'search' }),
  ].map((record) => by('user-1', record));
  const others = [by('user-2', eventRecord(4, { text: 3, eventType: 'search' }))];
  await all.store.putTexts([textRecord(1), textRecord(2, 'query'), textRecord(3, 'query')]);
  await all.store.putEvents([...records, ...others]);
  const told = [...records, ...others].map((record) => ({ record, isSuperseded: false }));
  await all.feed.events(told, nothingErased);
  return { ...all, told };
}

describe('after an erasure', () => {
  test.each(['text', 'event'] as const)(
    "the person's events and their own queries get null; the rest stays (key: %s)",
    async (key) => {
      const { store, announced, sink } = await withPerson({ key });
      expect(await announced.erasureStore.eraseEvents(erasure)).toMatchObject({ events: 3 });
      const left = await storedIn(store);
      expect(known(sink).events).toEqual(left.events);
      expect(knownFrom(byPartition(sink.records)).events).toEqual(left.events);
      expect([...known(sink).vectors.keys()].toSorted()).toEqual(
        [textIdOf(1), textIdOf(3)].toSorted(),
      );
      const last = new Map(sink.records.map(toldOf).map(({ key: id, value }) => [id, value]));
      for (const value of last.values())
        expect(['event 1', 'event 2', 'event 3']).not.toContain(value?.event_id);
    },
  );

  test.each([
    { kind: 'product', id: 'p1' },
    { kind: 'session', id: 'session-1' },
    { kind: 'event', id: eventIdOf(1) },
  ] as const)('the events of one $kind get null, and no others', async (subject) => {
    const { store, announced, sink } = await withPerson();
    await announced.erasureStore.eraseEvents({ subject, until: erasedUntil });
    expect(known(sink).events).toEqual((await storedIn(store)).events);
    expect(known(sink).events.size).toBe(3);
  });

  test('while the sink is down the erasure is not finished; the next attempt tells', async () => {
    const { store, announced, sink } = await withPerson();
    sink.isDown = true;
    await expect(announced.erasureStore.eraseEvents(erasure)).rejects.toMatchObject({
      code: 'sink_unavailable',
    });
    sink.isDown = false;
    await announced.erasureStore.eraseEvents(erasure);
    expect(known(sink).events).toEqual((await storedIn(store)).events);
  });

  test("a crash after the store's part leaves nothing of the person's own queries", async () => {
    const { store, sink, feed } = await withPerson();
    const crashing = announcedStore(
      {
        ...store,
        erasureStore: {
          ...store.erasureStore,
          async eraseEvents(request) {
            await store.erasureStore.eraseEvents(request);
            throw new Error('killed');
          },
        },
      },
      feed,
    );
    await expect(crashing.erasureStore.eraseEvents(erasure)).rejects.toThrow('killed');
    expect(known(sink).vectors.has(textIdOf(2))).toBe(false);
    expect(known(sink).events).toEqual((await storedIn(store)).events);
  });

  test('an event that is told of after its erasure is deleted again', async () => {
    const { feed, sink, told } = await withPerson();
    const erased: ErasedEvents = {
      isEmpty: false,
      covers: ({ userId }) => userId === 'user-1',
      upToDate: async () => undefined,
      delete: async () => undefined,
    };
    await feed.events(told, erased);
    expect([...known(sink).events.keys()]).toEqual([told[3]?.record.event.id]);
  });
});
