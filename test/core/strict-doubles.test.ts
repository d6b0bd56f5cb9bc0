// The doubles of the ports catch a caller that exceeds a port's limits: without that, tests would
// pass where real adapters fail.

import { expect, test } from 'vitest';
import { memoryLink } from '#core/memory/memory-channel.ts';
import { createMemoryDeadLetters } from '#core/memory/memory-dead-letters.ts';
import { createMemoryLog } from '#core/memory/memory-log.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import type { EventRecord, TextRecord } from '#core/ports.ts';
import { fakeEmbedder } from '../helpers/fake-model.ts';
import { strictEmbedding, strictSource } from '../helpers/strict.ts';
import { failAt } from '../helpers/unreliable.ts';

const never = new AbortController().signal;
const record = { key: null, value: new Uint8Array([1]), headers: {}, timestamp: 0 };
// Only their number counts.
const texts: readonly TextRecord[] = Array.from({ length: 3 });
const events: readonly EventRecord[] = Array.from({ length: 3 });

test('a memory store takes no more items than it declares, and no limit out of range', async () => {
  const store = createMemoryStore({ batchMax: { texts: 2, events: 2 } });
  await expect(store.putTexts(texts)).rejects.toThrow('3 texts exceeds batchMax of 2');
  await expect(store.putEvents(events)).rejects.toThrow('3 events exceeds batchMax of 2');
  const search = { vector: new Float32Array(384), filter: {}, limit: 1_001 };
  await expect(store.search(search)).rejects.toThrow('limit 1001');
  const counts = { by: 'category', filter: {}, limit: 0 } as const;
  await expect(store.countsBy(counts)).rejects.toThrow('limit 0');
  const page = { limit: 1_001, valueBytesMax: 0 };
  await expect(createMemoryDeadLetters().list(page)).rejects.toThrow('limit 1001');
});

test('closed means closed: a port that was disposed is not asked again', async () => {
  const store = createMemoryStore();
  const deadLetters = createMemoryDeadLetters();
  const log = createMemoryLog();
  const source = log.source('group');
  const embedder = fakeEmbedder();
  const { provenanceStore } = store;
  for (const port of [store, deadLetters, log.sink, source, embedder, store])
    await port[Symbol.asyncDispose]();
  expect(() => store.counts()).toThrow('after it was disposed');
  expect(() => provenanceStore.marks()).toThrow('after it was disposed');
  expect(() => deadLetters.stats()).toThrow('after it was disposed');
  expect(() => log.sink.append([record])).toThrow('after it was disposed');
  expect(() => source.lag()).toThrow('after it was disposed');
  expect(() => embedder.embed(['a'])).toThrow('after it was disposed');
});

test('a delivery is settled once, and not after its source was disposed', async () => {
  const log = createMemoryLog();
  await log.sink.append([record, record]);
  const source = strictSource(log.source('group'));
  const next = await source.deliveries(never)[Symbol.asyncIterator]().next();
  const [first, second] = next.done === true ? [] : next.value;
  first?.settle({ status: 'stored' });
  expect(() => first?.settle({ status: 'stored' })).toThrow('settled twice');
  await source[Symbol.asyncDispose]();
  expect(() => second?.settle({ status: 'stored' })).toThrow('after its source was disposed');
});

test('an embedder is not called while it is embedding', async () => {
  const embedder = fakeEmbedder();
  const first = embedder.embed(['a']);
  await expect(embedder.embed(['b'])).rejects.toThrow('while it was embedding');
  expect(await first).toHaveLength(1);
});

test('a channel takes no frame after its own end was closed, and one listener', () => {
  const { near, far } = memoryLink();
  const handlers = { frame: () => undefined, closed: () => undefined };
  near.listen(handlers);
  expect(() => near.listen(handlers)).toThrow('listened to twice');
  near.close(1000, '');
  expect(() => near.send('late')).toThrow('after it was closed');
  // The other side cannot know it yet.
  far.send('on its way');
});

test('a double of the fleet may fail only with the reason of the signal', async () => {
  const failing = strictEmbedding({ embed: () => Promise.reject(new Error('odd')) });
  const how = { priority: 'bulk', signal: never } as const;
  await expect(failing.embed('lamp', how)).rejects.toThrow('This is a bug');
});

test('a port fails at one chosen step, whichever call that is', async () => {
  const store = failAt(2, createMemoryStore());
  expect(await store.counts()).toEqual({ texts: 0, events: 0 });
  await expect(store.provenanceStore.marks()).rejects.toThrow('does not answer');
  expect(await store.provenanceStore.marks()).toEqual([]);
});
