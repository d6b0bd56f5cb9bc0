// Vectors of a wrong runner are removed and recomputed, even if a write was in flight when the
// runner was found wrong.

import { expect, test } from 'vitest';
import { DependencyError } from '#core/errors/errors.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { announcedStore } from '#core/pipeline/changes/announced-store.ts';
import { ChangeFeed } from '#core/pipeline/changes/change-feed.ts';
import type { TextRecord, VectorStore } from '#core/ports.ts';
import { Repair } from '#core/trust/repair.ts';
import { cosine } from '#core/vectors/vector.ts';
import { dimensions, fakeVector } from '../helpers/fake-model.ts';
import { knownFrom, sinkDouble } from '../helpers/sink-consumer.ts';
import { failAt } from '../helpers/unreliable.ts';

const checkIntervalMs = 8_000;
const malformed = new DependencyError('store', 'bad_request', 'One point is malformed.', {
  retryable: false,
});

function setUp(store: VectorStore, clock: ManualClock) {
  const seen: string[] = [];
  const embedded: string[] = [];
  const provenance = (runnerSession: string) => ({
    runnerSession,
    runnerName: '',
    device: 'cpu',
    dtype: 'fp32',
    embeddedAt: clock.now(),
    checkedAt: clock.now(),
  });
  const repair = new Repair({
    store,
    clock,
    limits: { checkIntervalMs },
    isShared: false,
    backoff: { delayMs: 50, delayMsMax: 1_000 },
    embedding: {
      async embed(text) {
        embedded.push(text);
        return {
          ok: true,
          embedding: { vector: fakeVector(text), provenance: provenance('honest') },
        };
      },
    },
    observer: {
      repaired: () => undefined,
      refused: ({ id }) => seen.push(`refused ${id}`),
      adopted: (session) => seen.push(`adopted ${session}`),
      failed: (error) => seen.push(String(error)),
    },
  });
  const wrong = (id: string): TextRecord => ({
    id,
    text: id,
    kind: 'query',
    product: null,
    embedding: { vector: fakeVector('another text'), provenance: provenance('liar') },
  });
  return { repair, wrong, seen, embedded };
}

test('a write that lands after its runner was found wrong is repaired', async () => {
  const clock = new ManualClock();
  const store = createMemoryStore({ dimensions, now: () => clock.now() });
  const { repair, wrong, seen } = setUp(store, clock);
  const stop = new AbortController();
  const running = repair.run(stop.signal);
  const similarity = async (id: string): Promise<number> =>
    cosine((await store.vectors([id])).get(id) ?? new Float32Array(dimensions), fakeVector(id));

  await repair.begin('liar', clock.now(), stop.signal);
  await store.putTexts([wrong('kettle')]);
  repair.distrust('liar', clock.now());
  await clock.advance(2_000);
  expect(await similarity('kettle')).toBeCloseTo(1);
  await store.putTexts([wrong('lamp')]);
  await clock.advance(checkIntervalMs);
  expect(await similarity('lamp')).toBeCloseTo(1);
  expect(await store.provenanceStore.marks()).toEqual([]);
  expect(seen).toEqual([]);

  stop.abort();
  await running;
});

test('one of 400 texts that the store refuses stops no other', async () => {
  const clock = new ManualClock();
  const memory = createMemoryStore({
    dimensions,
    now: () => clock.now(),
    batchMax: { texts: 128, events: 128 },
  });
  let isOdd = false;
  const store: VectorStore = {
    ...memory,
    async putTexts(texts) {
      if (isOdd && texts.some(({ id }) => id === 'odd')) throw malformed;
      return memory.putTexts(texts);
    },
  };
  const { repair, wrong, seen, embedded } = setUp(store, clock);
  const stop = new AbortController();
  const running = repair.run(stop.signal);
  await repair.begin('liar', clock.now(), stop.signal);
  const ids = ['odd', ...Array.from({ length: 399 }, (_, n) => `text ${n}`)];
  for (let from = 0; from < ids.length; from += 100)
    await store.putTexts(ids.slice(from, from + 100).map(wrong));
  isOdd = true;
  repair.distrust('liar', clock.now());

  await clock.advance(checkIntervalMs);
  expect((await store.knownTexts(ids)).size).toBe(399);
  expect(await store.provenanceStore.withheld(10)).toMatchObject([{ id: 'odd' }]);
  await clock.advance(4 * 60_000);
  expect([seen, embedded.length]).toEqual([['refused odd'], 400]);
  isOdd = false;
  await clock.advance(2 * 60_000);
  expect((await store.knownTexts(ids)).size).toBe(400);

  stop.abort();
  await running;
});

test.each(Array.from({ length: 16 }, (_, index) => index + 1))(
  'a repair of which the store fails call %i is finished by the next attempt',
  async (step) => {
    const clock = new ManualClock();
    const store = createMemoryStore({ dimensions, now: () => clock.now() });
    const { repair, wrong, seen } = setUp(failAt(step, store), clock);
    const stop = new AbortController();
    const running = repair.run(stop.signal);
    const begun = repair.begin('liar', clock.now(), stop.signal);
    await clock.advance(2_000);
    await begun;
    await store.putTexts(['kettle', 'lamp'].map(wrong));
    repair.distrust('liar', clock.now());
    await clock.advance(2 * checkIntervalMs);

    expect(seen).toHaveLength(1);
    const vectors = await store.vectors(['kettle', 'lamp']);
    for (const [id, vector] of vectors) expect(cosine(vector, fakeVector(id))).toBeCloseTo(1);
    expect(vectors.size).toBe(2);
    expect(await store.provenanceStore.withheld(10)).toEqual([]);
    expect(await store.provenanceStore.marks()).toEqual([]);
    stop.abort();
    await running;
  },
);

test('while a sink is down vectors are withheld and marks renewed; then it hears', async () => {
  const clock = new ManualClock();
  const store = createMemoryStore({ dimensions, now: () => clock.now() });
  const sink = sinkDouble();
  const format = {
    key: 'text',
    content: 'embedding',
    model: { id: 'm', revision: 'r' },
  } as const;
  const feed = new ChangeFeed({ store, sink, clock, format });
  const { repair, wrong } = setUp(announcedStore(store, feed), clock);
  const stop = new AbortController();
  const running = repair.run(stop.signal);
  for (const session of ['liar', 'late liar', 'honest'])
    await repair.begin(session, clock.now(), stop.signal);
  const by = (runnerSession: string, id: string): TextRecord => {
    const { embedding, ...record } = wrong(id);
    return {
      ...record,
      embedding: { ...embedding, provenance: { ...embedding.provenance, runnerSession } },
    };
  };
  await store.putTexts([by('liar', 'kettle'), by('late liar', 'lamp')]);

  const since = clock.now();
  sink.isDown = true;
  repair.distrust('liar', since);
  await clock.advance(5 * checkIntervalMs);
  repair.distrust('late liar', since);
  await clock.advance(checkIntervalMs);
  expect(await store.knownTexts(['lamp'])).toEqual(new Set());
  const marks = await store.provenanceStore.marks();
  const honest = marks.find(({ runnerSession }) => runnerSession === 'honest');
  expect(clock.now() - (honest?.renewedAt ?? 0)).toBeLessThan(2 * checkIntervalMs);

  sink.isDown = false;
  await clock.advance(2 * checkIntervalMs);
  for (const id of ['kettle', 'lamp']) {
    const [vector] = (await store.vectors([id])).values();
    expect(cosine(vector ?? new Float32Array(dimensions), fakeVector(id))).toBeCloseTo(1);
    expect(knownFrom(sink.records).vectors.get(id)).toEqual(vector);
  }
  stop.abort();
  await running;
});
