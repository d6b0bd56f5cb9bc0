// A record of the topic deletes an event, the events of a product, or a person, where a mapping
// says so. Older events do not come back when the topic is read again; newer ones are stored.

import { afterEach, describe, expect, test } from 'vitest';
import { DependencyError } from '#core/errors/errors.ts';
import { storedIdOf } from '#core/event/event-id.ts';
import { parseTopicMapping } from '#core/mapping/mapping.ts';
import { recordMapping } from '#core/mapping/record-mapping.ts';
import { createMemoryDeadLetters } from '#core/memory/memory-dead-letters.ts';
import { createMemoryLog } from '#core/memory/memory-log.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import type { ErasureStore, LogRecord, VectorStore } from '#core/ports.ts';
import { systemClock } from '#core/time/clock.ts';
import { createQdrantStore } from '../../gateway/qdrant/qdrant-store.ts';
import { openFolder, temporaryFolder } from '../adapters/embedded-harness.ts';
import { dimensions, textRecord } from '../conformance/store-records.ts';
import { idsIn, sentEvent, startDeletingGateway } from '../helpers/deleting-gateway.ts';
import { startQdrantDouble } from '../helpers/qdrant-double.ts';
import { storeOptions } from '../helpers/qdrant/store-options.ts';
import { until } from '../helpers/until.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

const bytes = (text: string) => new TextEncoder().encode(text);
const startsAt = Date.now() - 3_600_000;
const minute = 60_000;

/** Deletes by the header `deletes` and the key. */
const tried = (['event', 'product', 'user'] as const).map((kind) =>
  recordMapping(
    parseTopicMapping(
      { applies_to: [{ when: '{header:deletes}', one_of: [kind] }], delete_by: `${kind}_id` },
      kind,
    ),
  ),
);

const deleteOf = (kind: string, key: string, at = startsAt + minute): LogRecord => ({
  key: bytes(key),
  value: bytes(''),
  isTombstone: true,
  headers: { deletes: bytes(kind) },
  timestamp: at,
});

const eventOf = (id: string, sent: Parameters<typeof sentEvent>[1] = {}, at = startsAt) =>
  sentEvent(id, sent, at);

function work(
  store: VectorStore,
  log = createMemoryLog(),
  deadLetters = createMemoryDeadLetters(),
) {
  const source = log.source('group');
  const gateway = startDeletingGateway({ store, deadLetters, source, tried });
  const stop = async () => {
    await gateway.stop();
    source.crash();
  };
  cleanUps.push(stop);
  let sent = 0;
  const send = async (records: readonly LogRecord[]): Promise<void> => {
    await log.sink.append(records);
    sent += records.length;
    await gateway.ended(sent);
  };
  const lag = async () => (await source.lag()).reduce((sum, partition) => sum + partition.lag, 0);
  return { log, deadLetters, counts: gateway.counts, send, stop, lag };
}

/** Without the wait for other gateways, which there are none of. */
const alone = (store: VectorStore, over: Partial<ErasureStore> = {}): VectorStore => ({
  ...store,
  erasureStore: { ...store.erasureStore, settleMs: 0, ...over },
});

const stores: readonly (readonly [string, () => Promise<VectorStore>])[] = [
  ['memory', async () => alone(createMemoryStore({ dimensions }))],
  [
    'the embedded store',
    async () => {
      const folder = await temporaryFolder();
      const embedded = await openFolder(folder.path);
      cleanUps.push(
        () => folder[Symbol.asyncDispose](),
        () => embedded[Symbol.asyncDispose](),
      );
      return alone(embedded.store);
    },
  ],
  [
    'Qdrant',
    async () => {
      const double = await startQdrantDouble();
      cleanUps.push(() => double[Symbol.asyncDispose]());
      const how = { dimensions, clock: systemClock, searchPlan: 'auto', name: 'deletes' } as const;
      return alone(createQdrantStore({ ...storeOptions(double.url, how), timeoutMs: 1_000 }));
    },
  ],
];

describe.each(stores)('in %s', (_name, open) => {
  test('an event goes with its own query, and comes back only when it is newer', async () => {
    const store = await open();
    const { send, counts } = work(store);
    const records = [
      eventOf('e-1'),
      eventOf('e-2', { query: 'green lamp' }),
      eventOf('e-3'),
      deleteOf('event', 'e-1'),
      deleteOf('event', 'e-2'),
      deleteOf('event', 'unknown'),
    ];
    await send(records);
    expect(await idsIn(store)).toEqual(['e-3']);
    expect(await store.event(storedIdOf('e-1'))).toBeNull();
    const [hit] = await store.search({
      vector: textRecord(1).embedding.vector,
      limit: 5,
      filter: { eventTypes: ['search'] },
    });
    expect(hit).toBeUndefined();
    await send(records);
    expect(await idsIn(store)).toEqual(['e-3']);
    await send([eventOf('e-1', {}, startsAt + 2 * minute), ...records]);
    expect(await idsIn(store)).toEqual(['e-1', 'e-3']);
    expect(counts).toMatchObject({ deadLettered: 0, deleted: 9 });
  });

  test('a product goes from events and catalogue, up to the time of the delete', async () => {
    const store = await open();
    const { send } = work(store);
    const product = {
      name: 'The lamp',
      description: null,
      category: null,
      price: 5,
      brand: null,
      image: null,
      url: null,
      stock: null,
      attributes: {},
    };
    const put = (id: string, updatedAt: number) =>
      store.catalogue.put([{ id, updatedAt, product: { ...product, id }, textId: null }]);
    await put('lamp', startsAt);
    await put('chair', startsAt + 2 * minute);
    const records = [
      eventOf('e-1', { user: 'anna' }),
      eventOf('e-2'),
      eventOf('e-3', { product: 'chair' }),
      eventOf('e-4', { product: 'table' }),
      eventOf('e-5', { product: 'chair' }, startsAt + 2 * minute),
      deleteOf('product', 'lamp'),
      deleteOf('product', 'chair'),
    ];
    await send(records);
    await send(records);
    expect(await idsIn(store)).toEqual(['e-4', 'e-5']);
    const entries = await store.catalogue.entries(['lamp', 'chair']);
    expect([entries.get('lamp')?.product, entries.get('chair')?.product?.id]).toEqual([
      null,
      'chair',
    ]);
    expect(await put('lamp', startsAt)).toEqual(['superseded']);
  });

  test('a person goes with own sessions and dead letters, up to the time', async () => {
    const store = await open();
    const { send, deadLetters } = work(store);
    const broken = eventOf('e-9', { user: 'anna', product: '' });
    const records = [
      eventOf('e-1', { user: 'anna' }),
      eventOf('e-2', { user: 'guest', session: 'visit of anna' }),
      eventOf('e-3'),
      broken,
    ];
    await send(records);
    expect(await deadLetters.list({ limit: 9, valueBytesMax: 9 })).toHaveLength(1);
    const later = eventOf('e-4', { user: 'anna', session: 's-2' }, startsAt + 2 * minute);
    await send([deleteOf('user', 'anna'), later]);
    await until('the person is erased', 60_000, async () => {
      const letters = await deadLetters.list({ limit: 9, valueBytesMax: 9 });
      const requests = await store.erasureStore.openRequests();
      return letters.length === 0 && requests.length === 0;
    });
    expect(await idsIn(store)).toEqual(['e-3', 'e-4']);
    await send([...records, deleteOf('user', 'anna'), later]);
    expect(await idsIn(store)).toEqual(['e-3', 'e-4']);
    expect(await store.erasureStore.openRequests()).toEqual([]);
    expect(await deadLetters.list({ limit: 9, valueBytesMax: 9 })).toEqual([]);
  });
});

test('a delete is committed only once it is done, if need be by the next gateway', async () => {
  const memory = createMemoryStore({ dimensions });
  let isDown = true;
  const store = alone(memory, {
    eraseEvents: (request) =>
      isDown
        ? Promise.reject(new DependencyError('store', 'unavailable', 'down', { retryable: true }))
        : memory.erasureStore.eraseEvents(request),
  });
  const first = work(store);
  await first.send([eventOf('e-1'), eventOf('e-2')]);
  await first.log.sink.append([deleteOf('event', 'e-1'), eventOf('e-3')]);
  await until('the event behind it is stored', 60_000, () => first.counts.stored === 3);
  expect(await first.lag()).toBe(2);
  expect(first.counts.deleted).toBe(0);
  await first.stop();
  isDown = false;
  const second = work(store, first.log, first.deadLetters);
  await until('it is read again', 60_000, async () => (await second.lag()) === 0);
  expect([await idsIn(store), second.counts.deleted]).toEqual([['e-2', 'e-3'], 1]);
});

test('a thousand deletes are a few calls for tombstones', async () => {
  const memory = createMemoryStore({ dimensions });
  let calls = 0;
  const store = alone(memory, {
    async addTombstones(tombstones) {
      calls += 1;
      await memory.erasureStore.addTombstones(tombstones);
    },
  });
  const { send, counts } = work(store);
  await send(Array.from({ length: 1_000 }, (_, n) => deleteOf('event', `e-${n}`)));
  expect(counts.deleted).toBe(1_000);
  expect(calls).toBeLessThan(20);
});
