// The cache of recently seen texts expires, and is bounded.

import { expect, it } from 'vitest';
import { SeenTexts } from '../../gateway/qdrant/seen-texts.ts';

it('a text counts as seen for 30 s after the store was asked', () => {
  const seen = new SeenTexts();
  seen.add(['a'], 1_000);
  expect([seen.has('a', 30_999), seen.has('a', 31_000), seen.has('b', 1_000)]).toEqual([
    true,
    false,
    false,
  ]);
});

it('expired texts are looked up again', () => {
  const seen = new SeenTexts();
  seen.add(['a', 'b', 'c'], 0);
  seen.forget(['a']);
  expect(['a', 'b'].map((id) => seen.has(id, 1))).toEqual([false, true]);
  seen.forget();
  expect(['b', 'c'].map((id) => seen.has(id, 1))).toEqual([false, false]);
});

it('beyond its bound the texts seen longest ago are dropped', () => {
  const seen = new SeenTexts();
  seen.add(
    Array.from({ length: 100_000 }, (_, i) => `t${i}`),
    0,
  );
  seen.add(['t0'], 1);
  expect(seen.has('t1', 1)).toBe(true);
  seen.add(['more'], 2);
  expect(['t1', 't50000', 't0', 't99999', 'more'].map((id) => seen.has(id, 2))).toEqual([
    false,
    false,
    true,
    true,
    true,
  ]);
});
