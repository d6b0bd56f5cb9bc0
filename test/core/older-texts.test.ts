// Stored texts to which an older tokenizer gave wrong vectors get new ones in place, and no others.

import { expect, test } from 'vitest';
import { textIdOf } from '#core/event/text-id.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import type { EmbeddingService, TextRecord, VectorStore } from '#core/ports.ts';
import { embedOlderTexts } from '#core/trust/older-texts.ts';
import { dimensions, fakeVector } from '../helpers/fake-model.ts';
import { unavailable } from '../helpers/unreliable.ts';

const provenance = (runnerSession: string) => ({
  runnerSession,
  runnerName: runnerSession,
  device: 'cpu',
  dtype: 'fp32',
  embeddedAt: 0,
  checkedAt: 0,
});
const record = (text: string): TextRecord => ({
  id: textIdOf(text),
  text,
  kind: 'query',
  product: null,
  embedding: { vector: fakeVector(`older ${text}`), provenance: provenance('older') },
});
const older = ['ΚΑΦΕΣ', '𩸽の干物', ...Array.from({ length: 40 }, (_, n) => `ΣΑΚΟΣ ${n}`)];
const others = Array.from({ length: 1_100 }, (_, n) => `lamp ${n}`);

async function setUp() {
  const store = createMemoryStore({ dimensions });
  const records = [...older, ...others].map(record);
  await store.putTexts(records.slice(0, 1_000));
  await store.putTexts(records.slice(1_000));
  const asked: { text: string; priority: string; inFlight: number }[] = [];
  let inFlight = 0;
  const embedding: EmbeddingService = {
    async embed(text, { priority }) {
      inFlight += 1;
      asked.push({ text, priority, inFlight });
      await Promise.resolve();
      inFlight -= 1;
      // As in a search meanwhile: the text still has a vector.
      expect((await store.vectors([textIdOf(text)])).size).toBe(1);
      return { ok: true, embedding: { vector: fakeVector(text), provenance: provenance('new') } };
    },
  };
  return { store, asked, embedding };
}

async function run(store: VectorStore, embedding: EmbeddingService, failures: unknown[] = []) {
  const clock = new ManualClock();
  const done = embedOlderTexts(
    {
      store,
      embedding,
      clock,
      isDistrusted: () => false,
      backoff: { delayMs: 100, delayMsMax: 1_000 },
      observer: {
        refused: (text) => expect.fail(text.message),
        failed: (error) => failures.push(error),
      },
    },
    new AbortController().signal,
  );
  await clock.advance(60_000);
  return done;
}

test('a text whose ids may have changed gets a new vector, and keeps one until then', async () => {
  const { store, asked, embedding } = await setUp();
  expect(await run(store, embedding)).toBe(older.length);
  expect(asked.map(({ text }) => text).toSorted()).toEqual(older.toSorted());
  const vectors = await store.vectors([...older, ...others].map((text) => textIdOf(text)));
  for (const text of older) expect(vectors.get(textIdOf(text))).toEqual(fakeVector(text));
  for (const text of others)
    expect(vectors.get(textIdOf(text))).toEqual(fakeVector(`older ${text}`));
});

test('they come behind searches, and only a few at once', async () => {
  const { store, asked, embedding } = await setUp();
  await run(store, embedding);
  expect(new Set(asked.map(({ priority }) => priority))).toEqual(new Set(['bulk']));
  expect(Math.max(...asked.map(({ inFlight }) => inFlight))).toBeLessThanOrEqual(16);
});

test('a store that is down for a while is asked again', async () => {
  const { store, embedding } = await setUp();
  const failures: unknown[] = [];
  let calls = 0;
  const failing: VectorStore = {
    ...store,
    putTexts: (texts) => (++calls < 4 ? Promise.reject(unavailable()) : store.putTexts(texts)),
    provenanceStore: {
      ...store.provenanceStore,
      textsAfter: (after, limit) =>
        failures.length === 0
          ? Promise.reject(unavailable())
          : store.provenanceStore.textsAfter(after, limit),
    },
  };
  expect(await run(failing, embedding, failures)).toBe(older.length);
  expect(failures).toHaveLength(4);
});
