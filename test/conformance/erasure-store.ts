// What every store guarantees to the erasure of persons.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import type { ErasureRequest, EventRecord, VectorStore } from '#core/ports.ts';
import { dimensions, eventIdOf, eventRecord, noon, textIdOf, textRecord } from './store-records.ts';
import type { MakeStore, StoreHarness } from './vector-store.ts';

const mark = (digit: string): string => digit.repeat(32);
const requestId = '00000000-0000-8000-8000-000000000001';

const eventOf = (
  n: number,
  {
    userId = 'anna',
    sessionId = 's-1',
    ...changes
  }: Parameters<typeof eventRecord>[1] & {
    readonly userId?: string;
    readonly sessionId?: string;
  },
): EventRecord => {
  const record = eventRecord(n, changes);
  return { ...record, event: { ...record.event, userId, sessionId } };
};

const idsFrom = (...numbers: readonly number[]): string[] => numbers.map(eventIdOf).toSorted();

export function erasureStoreConformance(name: string, makeStore: MakeStore): void {
  describe(`erasure store: ${name}`, () => {
    let harness: StoreHarness;
    let store: VectorStore;
    beforeEach(async () => {
      harness = await makeStore({ dimensions, clock: new ManualClock(noon) });
      ({ store } = harness);
    });
    afterEach(() => harness[Symbol.asyncDispose]());

    const idsOf = async (): Promise<string[]> =>
      (await store.events({}, 100)).map(({ id }) => id).toSorted();

    it('the key of marks is made once', async () => {
      const key = await store.erasureStore.key();
      expect(key).toHaveLength(32);
      expect([...(await store.erasureStore.key())]).toEqual([...key]);
      expect([...(await store.erasureStore.key(new Uint8Array(32)))]).toEqual([...key]);
    });

    it('tombstones stay, each with its latest time', async () => {
      const { erasureStore } = store;
      await erasureStore.addTombstones([
        { mark: mark('a'), at: noon },
        { mark: mark('b'), at: noon + 5 },
      ]);
      await erasureStore.addTombstones([
        { mark: mark('a'), at: noon - 5 },
        { mark: mark('b'), at: noon + 7 },
      ]);
      const since = async (at: number) =>
        (await erasureStore.tombstonesSince(at)).toSorted((a, b) => a.at - b.at);
      expect(await since(0)).toEqual([
        { mark: mark('a'), at: noon },
        { mark: mark('b'), at: noon + 7 },
      ]);
      expect(await since(noon + 7)).toEqual([{ mark: mark('b'), at: noon + 7 }]);
      expect(await since(noon + 8)).toEqual([]);
    });

    it('a request is replaced, and listed until it is finished', async () => {
      const { erasureStore } = store;
      const request: ErasureRequest = {
        id: requestId,
        userId: 'anna',
        sessionIds: ['s-1', 's-2'],
        at: noon,
        finishedAt: null,
        counts: { events: 3 },
      };
      expect(await erasureStore.request(requestId)).toBeNull();
      await erasureStore.putRequest(request);
      expect(await erasureStore.request(requestId)).toEqual(request);
      expect(await erasureStore.openRequests()).toEqual([request]);
      const finished = { ...request, userId: null, sessionIds: [], finishedAt: noon + 9 };
      await erasureStore.putRequest(finished);
      expect(await erasureStore.request(requestId)).toEqual(finished);
      expect(await erasureStore.openRequests()).toEqual([]);
      // Another gateway took a later request before this one was finished.
      const later = { ...request, at: noon + 5 };
      await erasureStore.putRequest(later);
      await erasureStore.putRequest(finished);
      expect(await erasureStore.openRequests()).toEqual([later]);
    });

    it('a request that runs keeps every session that a gateway found for it', async () => {
      const { erasureStore } = store;
      const request = { id: requestId, finishedAt: null, counts: {} };
      const sessions = async () =>
        (await erasureStore.request(requestId))?.sessionIds.toSorted() ?? [];
      await erasureStore.putRequest({ ...request, userId: 'anna', sessionIds: ['s-1'], at: noon });
      await erasureStore.putRequest({ ...request, userId: 'anna', sessionIds: [], at: noon + 5 });
      expect(await sessions()).toEqual(['s-1']);
      await erasureStore.putRequest({
        ...request,
        userId: 'anna',
        sessionIds: ['s-\ud800', 's-2'],
        at: noon + 5,
      });
      expect(await sessions()).toEqual(['s-1', 's-2', 's-\ud800']);
      await erasureStore.putRequest({ ...request, userId: null, sessionIds: [], at: noon + 5 });
      expect(await sessions()).toEqual([]);
      await erasureStore.putRequest({ ...request, userId: 'anna', sessionIds: [], at: noon + 9 });
      expect(await erasureStore.openRequests()).toMatchObject([{ sessionIds: [], at: noon + 9 }]);
    });

    it('events of a user are erased up to a time, by either of their times', async () => {
      await store.putTexts([textRecord(1)]);
      await store.putEvents([
        eventOf(1, { timestamp: noon - 1, ingestedAt: noon - 1 }),
        eventOf(2, { timestamp: noon + 1, ingestedAt: noon - 1 }),
        eventOf(3, { timestamp: noon - 1, ingestedAt: noon + 1 }),
        eventOf(4, { timestamp: noon + 1, ingestedAt: noon + 1 }),
        eventOf(5, { timestamp: noon - 1, userId: 'anna-2' }),
      ]);
      const erase = () =>
        store.erasureStore.eraseEvents({ subject: { kind: 'user', id: 'anna' }, until: noon });
      expect(await erase()).toEqual({ events: 3, texts: 0, more: false });
      expect(await erase()).toEqual({ events: 0, texts: 0, more: false });
      expect(await idsOf()).toEqual(idsFrom(4, 5));
      expect(await store.counts()).toEqual({ texts: 1, events: 2 });
    });

    it('events about a product are erased up to a time, whoever made them', async () => {
      await store.putTexts([textRecord(1)]);
      await store.putEvents([
        eventOf(1, { productId: 'lamp', timestamp: noon - 1 }),
        eventOf(2, { productId: 'lamp', userId: 'ben', ingestedAt: noon - 1 }),
        eventOf(3, { productId: 'lamp', timestamp: noon + 1, ingestedAt: noon + 1 }),
        eventOf(4, { productId: 'lamp-2', timestamp: noon - 1 }),
      ]);
      const erase = () =>
        store.erasureStore.eraseEvents({ subject: { kind: 'product', id: 'lamp' }, until: noon });
      expect(await erase()).toEqual({ events: 2, texts: 0, more: false });
      expect(await erase()).toEqual({ events: 0, texts: 0, more: false });
      expect(await idsOf()).toEqual(idsFrom(3, 4));
    });

    it('events of a session are erased, and versions of one event', async () => {
      await store.putTexts([textRecord(1)]);
      await store.putEvents([
        eventOf(1, { sessionId: 's-9' }),
        eventOf(2, { sessionId: 's-9', userId: 'ben' }),
        eventOf(3, { timestamp: noon - 1 }),
        eventOf(4, { timestamp: noon + 1 }),
      ]);
      const erase = (kind: 'session' | 'event', id: string) =>
        store.erasureStore.eraseEvents({ subject: { kind, id }, until: noon });
      expect(await erase('session', 's-9')).toMatchObject({ events: 2 });
      expect(await erase('event', eventIdOf(3))).toMatchObject({ events: 1 });
      expect(await erase('event', eventIdOf(4))).toMatchObject({ events: 0 });
      expect(await idsOf()).toEqual(idsFrom(4));
    });

    it('a query that nobody else searched for goes with its events; products stay', async () => {
      await store.putTexts([textRecord(1), textRecord(2, 'query'), textRecord(3, 'query')]);
      await store.putEvents([
        eventOf(1, { text: 1 }),
        eventOf(2, { text: 2, eventType: 'search' }),
        eventOf(3, { text: 3, eventType: 'search' }),
        eventOf(4, { text: 3, eventType: 'search', userId: 'ben' }),
      ]);
      const step = await store.erasureStore.eraseEvents({
        subject: { kind: 'user', id: 'anna' },
        until: noon,
      });
      expect(step).toEqual({ events: 3, texts: 1, more: false });
      const texts = await store.texts([textIdOf(1), textIdOf(2), textIdOf(3)]);
      expect(texts.get(textIdOf(2))?.text ?? '').toBe('');
      expect([...texts.values()].map(({ text }) => text)).toEqual(
        expect.arrayContaining(['Text 1', 'Text 3']),
      );
      expect(await store.knownTexts([textIdOf(2), textIdOf(3)])).toEqual(new Set([textIdOf(3)]));
      // Another user may search for it again.
      await store.putTexts([textRecord(2, 'query')]);
      expect(
        await store.putEvents([eventOf(5, { text: 2, eventType: 'search', userId: 'ben' })]),
      ).toEqual([{ status: 'stored' }]);
      expect((await store.texts([textIdOf(2)])).get(textIdOf(2))?.text).toBe('Text 2');
    });
  });
}
