// All 122,000 recorded strings get the token ids that the reference gives them.

import { expect, test } from 'vitest';
import { compareIds, shippedTokenise } from './token-ids.ts';

test('every recorded string gets the ids of the reference', async () => {
  const { compared, differing } = compareIds(await shippedTokenise(), 1);
  expect(compared).toBeGreaterThan(120_000);
  expect(differing).toEqual([]);
});
