// A session's speed is measured on rounds as large as its jobs, without spending minutes on a slow
// one.

import { expect, test } from 'vitest';
import { measureSpeed } from '#core/transformers/warm-up.ts';

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
