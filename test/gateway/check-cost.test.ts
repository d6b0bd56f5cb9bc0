// An honest fleet of mixed speeds loses less than 3 % of its rate to checks, once all of its
// runners are proven.

import { expect, test } from 'vitest';
import { runCheckedFleet } from '../../bench/checked-fleet.ts';

const measured = { measureMs: 60_000, seed: 1 };

test('a saturated fleet of honest runners loses less than 3 % after probation', async () => {
  const [trusted, untrusted] = [[50], [80, 40, 15]];
  const checked = await runCheckedFleet({
    trusted,
    untrusted,
    checkIntervalMs: 60_000,
    ...measured,
  });
  const unchecked = await runCheckedFleet({
    trusted: [...trusted, ...untrusted],
    untrusted: [],
    checkIntervalMs: Infinity,
    ...measured,
  });
  expect(unchecked.rate).toBeGreaterThan(184);
  expect(1 - checked.rate / unchecked.rate).toBeLessThan(0.03);
  expect(Math.min(checked.goldenTexts, checked.samples)).toBeGreaterThan(50);
  expect(checked.probationSeconds).toBeLessThan(120);
});
