// Texts are embedded again within bounds: each is in flight once, and one that fails is left alone
// for a while.

import { expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import type { BareText, FleetResult, TextRecord, WriteOutcome } from '#core/ports.ts';
import { ReEmbedder } from '#core/trust/re-embedder.ts';
import { fakeVector } from '../helpers/fake-model.ts';

const never = new AbortController().signal;
const failure: FleetResult = {
  ok: false,
  code: 'embedding_failed',
  message: 'odd',
  attempts: 3,
  runner: null,
};
const text = (id: string): BareText => ({ id, text: id, kind: 'query', product: null });
const texts = (count: number) => Array.from({ length: count }, (_, n) => text(`text ${n}`));

function setUp({ distrusted = '', answer = (_id: string): FleetResult | null => null } = {}) {
  const clock = new ManualClock();
  const asked: string[] = [];
  const written: string[] = [];
  let wakes = 0;
  const reEmbedder = new ReEmbedder({
    clock,
    store: {
      putTexts: async (records: readonly TextRecord[]): Promise<readonly WriteOutcome[]> =>
        records.map(({ id }) => {
          if (id === 'refused') return { status: 'rejected', message: 'not finite' };
          written.push(id);
          return { status: 'stored' };
        }),
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
  });
  return { clock, reEmbedder, asked, written, wakes: () => wakes };
}

test('a text that is in flight is not submitted twice, and never more than 512 are', async () => {
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

test('the vector of a runner that was found wrong meanwhile is not written', async () => {
  const { clock, reEmbedder, written } = setUp({ distrusted: 'a' });
  reEmbedder.embed([text('a'), text('b')], never);
  await clock.advance(0);
  expect(await reEmbedder.write()).toBe(1);
  expect([written, reEmbedder.isIdle]).toEqual([['b'], true]);
});
