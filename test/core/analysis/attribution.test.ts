// What recommendations showed is counted once, by what chose it and where it was.

import { expect, test } from 'vitest';
import { Attribution, type Attributed } from '#core/analysis/attribution.ts';
import { type Source, sources } from '#core/analysis/recommendation-scores.ts';

const items = (ids: readonly string[]) =>
  ids.map((productId, index) => ({
    productId,
    source: index === 0 ? ('sessions' as const) : ('meaning' as const),
  }));

test('a click and a purchase count once for a product of an answer', () => {
  const counted: Attributed<Source>[] = [];
  const attribution = new Attribution(sources, (what) => counted.push(what));
  attribution.shown('answer', items(['kettle', 'cup']));
  for (const id of ['kettle', 'kettle', 'never shown']) attribution.happened('answer', id, 'view');
  attribution.happened('answer', 'kettle', 'purchase');
  attribution.happened('answer', 'kettle', 'cart');
  expect(attribution.rows().filter(({ shown }) => shown > 0)).toEqual([
    { source: 'sessions', place: '1', shown: 1, clicked: 1, purchased: 1 },
    { source: 'meaning', place: '2', shown: 1, clicked: 0, purchased: 0 },
  ]);
  expect(counted).toHaveLength(4);
  expect(attribution.unknownEvents).toBe(0);
});

test('an answer that is not known any more is counted as unknown, and memory is bounded', () => {
  const attribution = new Attribution(sources, () => undefined);
  const many = Array.from({ length: 30 }, (_, n) => `product ${n}`);
  for (let n = 0; n < 5_001; n++) attribution.shown(`answer ${n}`, items(many));
  attribution.happened('answer 0', 'product 1', 'view');
  attribution.happened('answer 1', 'product 1', 'view');
  attribution.happened('answer 1', 'product 25', 'view');
  expect(attribution.unknownEvents).toBe(1);
  const rows = attribution.rows();
  expect(rows.reduce((sum, { clicked }) => sum + clicked, 0)).toBe(1);
  expect(rows.find(({ place, source }) => place === '11-20' && source === 'meaning')?.shown).toBe(
    50_010,
  );
});
