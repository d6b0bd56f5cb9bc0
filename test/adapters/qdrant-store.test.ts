// What the Qdrant store does beyond the guarantees of every store: several gateways on one index,
// its sweep, and its costs.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import type { Clock, VectorStore } from '#core/ports.ts';
import { systemClock } from '#core/time/clock.ts';
import { openQdrantStore } from '../../gateway/qdrant/qdrant-store.ts';
import {
  eventIdOf,
  eventRecord,
  noon,
  queryVector,
  rivalEvent,
  textIdOf,
  textRecord,
  unit,
} from '../conformance/store-records.ts';
import {
  type QdrantDouble,
  type SeenRequest,
  startQdrantDouble,
} from '../helpers/qdrant-double.ts';
import { storeOptions } from '../helpers/qdrant/store-options.ts';

let double: QdrantDouble;
beforeEach(async () => {
  double = await startQdrantDouble();
});
afterEach(() => double[Symbol.asyncDispose]());

const stored = { status: 'stored' };
const isEventWrite = ({ method, path }: SeenRequest) =>
  method === 'PUT' && path.startsWith('/collections/test_events/points');
const isSweepOf =
  (collection: string) =>
  ({ path }: SeenRequest) =>
    path.startsWith(`/collections/${collection}/points/delete`);

const openStore = (clock: Clock = systemClock): Promise<VectorStore> =>
  openQdrantStore(storeOptions(double.url, { clock }), () => undefined);
const twoStores = (clock?: Clock): Promise<[VectorStore, VectorStore]> =>
  Promise.all([openStore(clock), openStore(clock)]);

/** As an earlier version of this program stores the event. */
async function loseRawId(n: number): Promise<void> {
  await fetch(`${double.url}/collections/test_events/points/payload?wait=true`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ payload: { raw_id: null }, points: [eventIdOf(n)] }),
  });
}

it('asks a server on the same machine not to compress its answers', async () => {
  await openStore();
  expect(new Set(double.requests.map(({ encodings }) => encodings))).toEqual(new Set(['identity']));
});

describe('several gateways', () => {
  it('never overwrite a newer version of an event with an older one', async () => {
    const [one, two] = await twoStores();
    await one.putTexts([textRecord(1)]);
    const newer = eventRecord(1, { timestamp: 20 });
    double.fail(
      { kind: 'after', work: async () => expect(await two.putEvents([newer])).toEqual([stored]) },
      isEventWrite,
    );
    expect(
      await one.putEvents([eventRecord(1, { timestamp: 10 }), eventRecord(2, { timestamp: 10 })]),
    ).toEqual([stored, stored]);
    expect([
      (await one.event(eventIdOf(1)))?.timestamp,
      (await one.event(eventIdOf(2)))?.timestamp,
    ]).toEqual([20, 10]);
    expect((await one.counts()).events).toBe(2);
  });

  it('never store two raw ids under one id, and lose neither in silence', async () => {
    const [one, two] = await twoStores();
    await one.putTexts([textRecord(1), textRecord(2)]);
    double.fail(
      {
        kind: 'after',
        work: async () => expect(await two.putEvents([rivalEvent(10)])).toEqual([stored]),
      },
      isEventWrite,
    );
    expect(
      await one.putEvents([eventRecord(1, { timestamp: 20 }), eventRecord(2, { timestamp: 20 })]),
    ).toEqual([{ status: 'id-conflict', rawId: eventIdOf(1) }, stored]);
    expect((await one.event(eventIdOf(1)))?.timestamp).toBe(10);
  });

  it('take an event of an earlier version, without a raw id, as one of any raw id', async () => {
    const store = await openStore();
    await store.putTexts([textRecord(1), textRecord(2)]);
    await store.putEvents([eventRecord(1, { timestamp: 10 })]);
    await loseRawId(1);
    expect(await store.putEvents([rivalEvent(9), rivalEvent(11)])).toEqual([
      { status: 'superseded' },
      stored,
    ]);
    expect(await store.putEvents([eventRecord(1, { timestamp: 12 })])).toMatchObject([
      { status: 'id-conflict' },
    ]);
  });

  it('replace an older event that an earlier version stores in the same moment', async () => {
    const [one, two] = await twoStores();
    await one.putTexts([textRecord(1)]);
    double.fail(
      {
        kind: 'after',
        async work() {
          await two.putEvents([eventRecord(1, { timestamp: 10 })]);
          await loseRawId(1);
        },
      },
      isEventWrite,
    );
    expect(await one.putEvents([eventRecord(1, { timestamp: 20 })])).toEqual([stored]);
    expect((await one.event(eventIdOf(1)))?.timestamp).toBe(20);
  });

  it('replace and finish an erasure of an earlier version, without a time beside it', async () => {
    const { erasureStore } = await openStore();
    const request = {
      id: '00000000-0000-8000-8000-000000000001',
      userId: 'anna',
      sessionIds: [],
      at: noon,
      finishedAt: null,
      counts: {},
    };
    await fetch(`${double.url}/collections/test_texts_erasures/points?wait=true`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        points: [
          {
            id: request.id,
            vector: {},
            payload: { type: 'request', is_open: 'yes', request: JSON.stringify(request) },
          },
        ],
      }),
    });
    expect(await erasureStore.openRequests()).toEqual([request]);
    const again = { ...request, at: noon + 5 };
    await erasureStore.putRequest(again);
    expect(await erasureStore.openRequests()).toEqual([again]);
    await erasureStore.putRequest({ ...request, finishedAt: noon + 9 });
    expect(await erasureStore.openRequests()).toEqual([again]);
    await erasureStore.putRequest({ ...again, userId: null, finishedAt: noon + 9 });
    expect(await erasureStore.openRequests()).toEqual([]);
  });

  it('never sweep a text that the store just reported to another gateway as known', async () => {
    const clock = new ManualClock(noon);
    const [one, two] = await twoStores(clock);
    await one.putTexts([textRecord(1)]);
    await clock.advance(100_000);
    double.fail(
      {
        kind: 'after',
        work: async () =>
          expect(await one.knownTexts([textIdOf(1)])).toEqual(new Set([textIdOf(1)])),
      },
      isSweepOf('test_texts'),
    );
    await two.forget({ ingestedBefore: 0, now: clock.now(), textGraceMs: 60_000 });
    expect(await one.putEvents([eventRecord(1)])).toEqual([stored]);
    expect(await two.vectors([textIdOf(1)])).toHaveProperty('size', 1);
  });

  it('a text that is swept during a look-up is not known', async () => {
    const clock = new ManualClock(noon);
    const [one, two] = await twoStores(clock);
    await one.putTexts([textRecord(1), textRecord(2)]);
    await one.putEvents([eventRecord(1, { text: 2 })]);
    await clock.advance(100_000);
    const sweep = () => two.forget({ ingestedBefore: 0, now: clock.now(), textGraceMs: 60_000 });
    double.fail({ kind: 'after', work: sweep }, ({ path }) =>
      path.startsWith('/collections/test_texts/points/payload'),
    );
    expect(await one.knownTexts([textIdOf(1), textIdOf(2)])).toEqual(new Set([textIdOf(2)]));
  });
});

describe('the sweep', () => {
  const graceMs = 60_000;
  let clock: ManualClock;
  let store: VectorStore;
  beforeEach(async () => {
    clock = new ManualClock(noon);
    store = await openStore(clock);
    await store.putTexts([textRecord(1), textRecord(2)]);
    await store.putEvents([eventRecord(1, { text: 1 }), eventRecord(2, { text: 2 })]);
    // Both texts were found in use, and have no mark any more.
    await clock.advance(graceMs + 1);
    await forget();
  });
  const forget = (ingestedBefore = 0, textGraceMs = graceMs) =>
    store.forget({ ingestedBefore, now: clock.now(), textGraceMs });

  it('checks a text that is in use once, not every time', async () => {
    const before = double.requests.length;
    await clock.advance(graceMs + 1);
    expect(await forget()).toEqual({ events: 0, texts: 0, more: false });
    expect(double.requests.slice(before).map(({ path }) => path)).toEqual([
      '/collections/test_events/points/scroll',
      '/collections/test_texts/points/scroll',
    ]);
  });

  it('deletes a text once its last event is deleted and its grace period is over', async () => {
    expect(await forget(noon + 1)).toMatchObject({ events: 2, texts: 0 });
    await clock.advance(graceMs + 1);
    expect(await forget()).toMatchObject({ texts: 2 });
  });

  it('deletes a text whose last event now refers to another text', async () => {
    await store.putEvents([eventRecord(1, { text: 2, timestamp: noon + 1 })]);
    await clock.advance(graceMs + 1);
    expect(await forget()).toMatchObject({ texts: 1 });
    expect(await store.knownTexts([textIdOf(1), textIdOf(2)])).toEqual(new Set([textIdOf(2)]));
  });

  it('makes its store forget the text, so that no event can refer to it', async () => {
    await store.putTexts([textRecord(3)]);
    await clock.advance(2);
    expect(await forget(0, 1)).toMatchObject({ texts: 1 });
    expect(await store.putEvents([eventRecord(3, { text: 3 })])).toEqual([
      { status: 'missing-text' },
    ]);
  });

  it('keeps an event that was stored again meanwhile, and its text', async () => {
    const newer = eventRecord(1, { text: 1, timestamp: noon + 1, ingestedAt: clock.now() });
    double.fail({ kind: 'after', work: () => store.putEvents([newer]) }, isSweepOf('test_events'));
    await forget(noon + 1);
    await clock.advance(graceMs + 1);
    expect(await forget()).toMatchObject({ texts: 1 });
    expect(await store.counts()).toEqual({ texts: 1, events: 1 });
  });
});

describe('the newest event of a hit', () => {
  it('has the highest id, even if a millisecond has more events than a page', async () => {
    const store = await openStore();
    await store.putTexts([textRecord(1), textRecord(2)]);
    const records = Array.from({ length: 150 }, (_, n) =>
      eventRecord(n, { text: 1 + (n % 2) }),
    ).toSorted((a, b) => (a.event.id < b.event.id ? -1 : 1));
    for (const record of records) await store.putEvents([record]);
    const hits = await store.search({ vector: queryVector, limit: 2, filter: {} });
    for (const { textId, newest } of hits)
      expect(newest?.id).toBe(records.findLast((record) => record.textId === textId)?.event.id);
    expect(hits).toHaveLength(2);
  });
});

describe('collections created before an index was introduced', () => {
  it('get the index when a gateway starts, and their events are found by it', async () => {
    const eventsUrl = `${double.url}/collections/test_events`;
    const before = await openStore();
    await before.putTexts([textRecord(1)]);
    const {
      result: { config },
    } = await (await fetch(eventsUrl)).json();
    await fetch(eventsUrl, { method: 'DELETE' });
    await fetch(eventsUrl, {
      method: 'PUT',
      body: JSON.stringify({ vectors: {}, metadata: config.metadata }),
    });
    const store = await openStore();
    const {
      result: { payload_schema },
    } = await (await fetch(eventsUrl)).json();
    expect(payload_schema).toMatchObject({
      'product.id': { data_type: 'keyword' },
      'product.category': { data_type: 'keyword' },
      event_type: { data_type: 'keyword' },
    });
    await store.putEvents([eventRecord(1)]);
    expect(await store.events({ productId: 'p1' }, 10)).toHaveLength(1);
    expect(await store.countsBy({ by: 'category', filter: {}, limit: 10 })).toEqual([
      { value: 'category-1', count: 1 },
    ]);
  });
});

/** A UUID of version 4, which no text has as its UUIDv5. */
const uuidOf = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

describe('what a write costs', () => {
  it('the components of a vector are sent with at most eight decimals', async () => {
    const store = await openStore();
    const third = Math.fround(1 / 3),
      rest = Math.sqrt(1 - third * third);
    const vector = unit(0).map((x, at) => (at === 0 ? third : at === 1 ? rest : x - x));
    await store.putTexts([{ ...textRecord(1), embedding: { ...textRecord(1).embedding, vector } }]);
    expect(
      double.requests.find(
        ({ method, path }) => method === 'PUT' && path.includes('test_texts/points'),
      )?.body,
    ).toContain('[0.33333334,0.94280905,0,');
    expect((await store.vectors([textIdOf(1)])).get(textIdOf(1))?.[0]).toBeCloseTo(1 / 3, 7);
  });

  it('a batch of events about recently seen texts is one look-up and one upsert', async () => {
    const clock = new ManualClock(noon);
    const store = await openStore(clock);
    await store.putTexts([textRecord(1), textRecord(2)]);
    const before = double.requests.length;
    const requestsOf = async (idOf: (n: number) => string, first: number) => {
      const from = double.requests.length;
      await store.putEvents(
        Array.from({ length: 256 }, (_, n) =>
          eventRecord(first + n, { text: 1 + (n % 2), eventId: idOf(n) }),
        ),
      );
      return double.requests
        .slice(from)
        .map(({ method, path }) => `${method} ${path.replace(/\?.*/, '')}`);
    };
    const [lookUp, upsert] = ['POST', 'PUT'].map(
      (method) => `${method} /collections/test_events/points`,
    );
    expect(await requestsOf(uuidOf, 0)).toEqual([lookUp, upsert]);
    // An id that is text, or a UUIDv5, may meet a rival: one look more.
    expect(await requestsOf((n) => `event ${n}`, 1_000)).toEqual([lookUp, upsert, lookUp]);
    await clock.advance(60_000);
    await store.putEvents([eventRecord(300)]);
    expect(
      double.requests
        .slice(before)
        .filter(({ path }) => path.startsWith('/collections/test_texts')),
    ).not.toHaveLength(0);
  });
});

describe('a filter that matches many texts', () => {
  const near = 1_100;
  const far = 4_200;
  /** Unit vectors that turn away from the first axis: the higher `n`, the farther from it. */
  const vectorOf = (n: number): Float32Array => {
    const angle = (n / (near + far)) * Math.PI;
    return Float32Array.from([Math.cos(angle), Math.sin(angle), 0, 0, 0, 0, 0, 0]);
  };

  it('none of which the query means, is searched in parts, and the nearest are exact', async () => {
    const store = await openStore();
    const numbers = Array.from({ length: near + far }, (_, n) => n);
    await store.putTexts(
      numbers.map((n) => {
        const { embedding, ...text } = textRecord(n);
        return { ...text, embedding: { ...embedding, vector: vectorOf(n) } };
      }),
    );
    await store.putEvents(
      numbers.map((n) => eventRecord(n, { text: n, eventType: n < near ? 'view' : 'purchase' })),
    );
    const before = double.requests.length;
    const hits = await store.search({
      vector: vectorOf(0),
      limit: 10,
      filter: { eventTypes: ['purchase'] },
    });
    expect(hits.map(({ textId }) => textId)).toEqual(numbers.slice(near, near + 10).map(textIdOf));
    const idsInRequests = double.requests
      .slice(before)
      .map(({ body }) => body.split(/[0-9a-f]{8}-[0-9a-f]{4}-/).length - 1);
    expect(Math.max(...idsInRequests)).toBe(4_096);
    expect(idsInRequests.reduce((sum, ids) => sum + ids)).toBeGreaterThan(far);
  });
});
