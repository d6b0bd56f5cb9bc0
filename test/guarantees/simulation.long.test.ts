// More simulated histories than `npm test` runs, from another seed.

import { expect, test } from 'vitest';
import { search } from './simulation/search.ts';

test('no history of another seed breaks a promise', async () => {
  const { failure } = await search({ seed: 2, count: 400, only: null });
  expect(failure, failure ?? '').toBeNull();
});
