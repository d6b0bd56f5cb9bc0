// A session's speed is measured on rounds as large as its jobs, without spending minutes on a slow
// one.

import { expect, test } from 'vitest';
import type { Embedder, EmbedderInfo } from '#core/ports.ts';
import { measureSpeed, warmUp } from '#core/transformers/warm-up.ts';

/** Takes `overheadMs` per round and `msPerText` per text, on its own clock. */
async function measured({
  overheadMs,
  msPerText,
  budgetMs,
}: {
  overheadMs: number;
  msPerText: number;
  budgetMs: number;
}): Promise<{ rounds: number[]; textsPerSecond: number }> {
  let now = 0;
  const rounds: number[] = [];
  const textsPerSecond = await measureSpeed(
    {
      embed: async (texts) => {
        rounds.push(texts.length);
        now += overheadMs + msPerText * texts.length;
        return [];
      },
    },
    budgetMs,
    () => now,
  );
  return { rounds, textsPerSecond };
}

test('a CPU is measured with 32 texts, even without any time', async () => {
  const { rounds, textsPerSecond } = await measured({ overheadMs: 0, msPerText: 1, budgetMs: 0 });
  expect(rounds).toEqual([4, 8, 16, 32]);
  expect(textsPerSecond).toBeCloseTo(1000);
});

test('a GPU, where every launch is costly, is measured with hundreds of texts', async () => {
  const { rounds, textsPerSecond } = await measured({
    overheadMs: 20,
    msPerText: 0.1,
    budgetMs: 400,
  });
  expect(rounds.at(-1)).toBe(512);
  expect(textsPerSecond).toBeGreaterThan(7_000);
});

test('a software GPU is measured with four texts', async () => {
  expect(await measured({ overheadMs: 0, msPerText: 1_000, budgetMs: 400 })).toEqual({
    rounds: [4],
    textsPerSecond: 1,
  });
});

const infoOfSession: EmbedderInfo = {
  device: 'wasm',
  dtype: 'q8',
  adapter: 'test',
  softwareAdapter: false,
  modelId: 'm',
  modelRevision: 'r',
  dimensions: 2,
  textsPerSecond: 0,
};

test('a session whose speed nobody asks for embeds the golden texts alone', async () => {
  const vector = Float32Array.from([1, 0]);
  const embedded: string[] = [];
  const embedder: Embedder = {
    info: infoOfSession,
    embed: async (texts) => {
      embedded.push(...texts);
      return texts.map(() => ({ ok: true, vector, tokens: 1 }));
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
  const cases = [{ text: 'a', vector: [1, 0] }];
  const golden = { model: 'm', reference: 'test', dimensions: 2, cases };
  const bounds = { goldenMeanMin: 0.9, goldenMin: 0.9 };
  const warm = await warmUp(embedder, golden, bounds, null);
  expect([embedded, warm.verdict.ok]).toEqual([['a'], true]);
  await warmUp(embedder, golden, bounds, 0);
  expect(embedded.length).toBeGreaterThan(5);
});
