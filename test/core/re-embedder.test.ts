// Texts are re-embedded within bounds: each is in flight at most once, and a text that fails waits
// before its next attempt.

import { expect, test } from 'vitest';
import { assert } from '#core/errors/assert.ts';
import { DependencyError } from '#core/errors/errors.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import type { BareText, FleetResult, TextRecord, WriteOutcome } from '#core/ports.ts';
import { ReEmbedder } from '#core/trust/re-embedder.ts';
import { fakeVector } from '../helpers/fake-model.ts';
import { unavailable } from '../helpers/unreliable.ts';

const never = new AbortController().signal;
const failure: FleetResult = {
  ok: false,
  code: 'embedding_failed',
  message: 'odd',
  attempts: 3,
  runner: null,
};
const malformed = new DependencyError('store', 'bad_request', 'One point is malformed.', {
  retryable: false,
});
const text = (id: string): BareText => ({ id, text: id, kind: 'query', product: null });
const texts = (count: number) => Array.from({ length: count }, (_, n) => text(`text ${n}`));

const textsMax = 128;

function setUp({ distrusted = '', answer = (_id: string): FleetResult | null => null } = {}) {
  const clock = new ManualClock();
  const asked: string[] = [];
  const written: string[] = [];
  const refused: string[] = [];
  let wakes = 0;
  let outages = 0;
  const reEmbedder = new ReEmbedder({
    priority: 'repair',
    clock,
    store: {
      batchMax: { texts: textsMax, events: 1 },
      putTexts: async (records: readonly TextRecord[]): Promise<readonly WriteOutcome[]> => {
        assert(records.length <= textsMax, `${records.length} texts in one write`);
        if (outages-- > 0) throw unavailable();
        if (records.some(({ id }) => id === 'poison point')) throw malformed;
        return records.map(({ id }) => {
          if (id === 'refused') return { status: 'rejected', message: 'not finite' };
          written.push(id);
          return { status: 'stored' };
        });
      },
    },
    embedding: {
      embed: async (id) => {
        asked.push(id);
        const provenance = {
          runnerSession: id,
          runnerName: '',
          device: 'cpu',
          dtype: 'fp32',
          embeddedAt: 0,
          checkedAt: 0,
        };
        return answer(id) ?? { ok: true, embedding: { vector: fakeVector(id), provenance } };
      },
    },
    isDistrusted: ({ runnerSession }) => runnerSession === distrusted,
    onVectors: () => {
      wakes += 1;
    },
    onRefused: ({ id, message }) => refused.push(`${id}: ${message}`),
  });
  const fail = (times: number): void => {
    outages = times;
  };
  return { clock, reEmbedder, asked, written, refused, fail, wakes: () => wakes };
}

test('at most 512 texts are in flight, each of them once', async () => {
  const { clock, reEmbedder, asked, written, wakes } = setUp();
  reEmbedder.embed(texts(600), never);
  reEmbedder.embed(texts(600), never);
  expect(asked).toHaveLength(512);
  await clock.advance(0);
  expect(wakes()).toBeGreaterThan(0);
  expect(await reEmbedder.write()).toBe(512);
  expect([written.length, reEmbedder.isIdle]).toEqual([512, true]);
});

test('a text that fails or is refused by the store waits five minutes', async () => {
  const { clock, reEmbedder, asked } = setUp({
    answer: (id) => (id === 'poison' ? failure : null),
  });
  const both = [text('poison'), text('refused')];
  reEmbedder.embed(both, never);
  await clock.advance(0);
  expect(await reEmbedder.write()).toBe(0);
  expect([reEmbedder.isIdle, reEmbedder.textsMax]).toEqual([true, 514]);
  await clock.advance(5 * 60_000 - 1);
  reEmbedder.embed(both, never);
  expect(asked).toHaveLength(2);
  await clock.advance(1);
  reEmbedder.embed(both, never);
  expect(asked).toHaveLength(4);
});

test('a vector is not written if its runner was found wrong in the meantime', async () => {
  const { clock, reEmbedder, written } = setUp({ distrusted: 'a' });
  reEmbedder.embed([text('a'), text('b')], never);
  await clock.advance(0);
  expect(await reEmbedder.write()).toBe(1);
  expect([written, reEmbedder.isIdle]).toEqual([['b'], true]);
});

test('one text that the store refuses keeps no other out, and is told once', async () => {
  const { clock, reEmbedder, asked, written, refused } = setUp();
  const all = [...texts(200), text('poison point'), ...texts(400).slice(200)];
  reEmbedder.embed(all, never);
  await clock.advance(0);
  expect(await reEmbedder.write()).toBe(400);
  expect([written.length, reEmbedder.isIdle]).toEqual([400, true]);
  expect(reEmbedder.embed([text('poison point')], never)).toBe(false);
  expect(asked).toHaveLength(401);
  await clock.advance(5 * 60_000);
  expect(reEmbedder.embed([text('poison point')], never)).toBe(true);
  await clock.advance(0);
  expect(await reEmbedder.write()).toBe(0);
  expect(refused).toEqual(['poison point: One point is malformed.']);
});

test('vectors are kept while the store is down, and no text is embedded twice for it', async () => {
  const { clock, reEmbedder, asked, written, fail } = setUp();
  reEmbedder.embed(texts(300), never);
  await clock.advance(0);
  fail(1);
  await expect(reEmbedder.write()).rejects.toThrow('does not answer');
  reEmbedder.embed(texts(300), never);
  expect(await reEmbedder.write()).toBe(300);
  expect([asked.length, written.length, reEmbedder.isIdle]).toEqual([300, 300, true]);
});

test('ten thousand texts that fail are not tried round and round', async () => {
  const { clock, reEmbedder, asked } = setUp({ answer: () => failure });
  for (let turn = 0; turn < 60; turn++) {
    reEmbedder.embed(texts(10_500), never);
    await clock.advance(0);
  }
  expect(asked).toHaveLength(10_000);
});
