// A slow honest runner gets through probation, is never quarantined, and holds no text up for long.

import { expect, test } from 'vitest';
import { runCheckedFleet } from '../../bench/checked-fleet.ts';

const fleet = { trusted: [50], checkIntervalMs: 60_000, measureMs: 10_000, seed: 1 };

/** A text waits for two seconds until a runner has it: there is always that much work. */
const longestMsMax = 8_000;

test('runners of half a text to two texts per second are proven, and delay nothing', async () => {
  const { probationSeconds, longestMs } = await runCheckedFleet({ ...fleet, untrusted: [0.5, 2] });
  expect(probationSeconds).toBeLessThan(360);
  expect(longestMs).toBeLessThan(longestMsMax);
});

test('so is one that has become five hundred times as slow as it says', async () => {
  const { probationSeconds, longestMs } = await runCheckedFleet({
    ...fleet,
    untrusted: [2],
    claimed: 1_000,
  });
  expect(probationSeconds).toBeLessThan(300);
  expect(longestMs).toBeLessThan(longestMsMax);
});
