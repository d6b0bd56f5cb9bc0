// Vectors of a faulty runner are removed and made again, even when a write of them was still on its
// way when the runner was found wrong.

import { expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import type { TextRecord } from '#core/ports.ts';
import { Repair } from '#core/trust/repair.ts';
import { cosine } from '#core/vectors/vector.ts';
import { dimensions, fakeVector } from '../helpers/fake-model.ts';

const checkIntervalMs = 8_000;

test('a write that lands after its runner was found wrong is repaired', async () => {
  const clock = new ManualClock();
  const store = createMemoryStore({ dimensions, now: () => clock.now() });
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
      embed: async (text) => ({
        ok: true,
        embedding: { vector: fakeVector(text), provenance: provenance('honest') },
      }),
    },
    observer: {
      repaired: () => undefined,
      adopted: () => undefined,
      failed: (error) => {
        throw error;
      },
    },
  });
  const stop = new AbortController();
  const running = repair.run(stop.signal);
  const wrong = (id: string): TextRecord => ({
    id,
    text: id,
    kind: 'query',
    product: null,
    embedding: { vector: fakeVector('another text'), provenance: provenance('liar') },
  });
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

  stop.abort();
  await running;
});
