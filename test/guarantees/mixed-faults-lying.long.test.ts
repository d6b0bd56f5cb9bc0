// Mixed faults with lying runners beside a trusted one: their work is detected and re-embedded,
// whatever else fails.

import { beforeAll, describe, expect, test } from 'vitest';
import { anyOf } from './mixed/faults.ts';
import { lyingFaults, startLyingWorld } from './mixed/lying-world.ts';
import { loadReferences, noSightings, type References } from './mixed/mixed-world.ts';
import { runMixedFaults } from './mixed/run.ts';

const runs = Number(process.env['VECTORSTREAM_TEST_RUNS'] ?? 3);
const firstSeed = Number(process.env['VECTORSTREAM_TEST_SEED'] ?? 1);
const lies = { answered: 0 };

let references: References;
beforeAll(async () => {
  references = await loadReferences();
});

describe('under mixed faults, with runners that lie', () => {
  test.for(Array.from({ length: runs }, (_, index) => firstSeed + index))(
    'seed %i',
    async (seed) => {
      const { faults, violations, seconds } = await runMixedFaults(
        seed,
        references,
        (random) => anyOf(random, lyingFaults(random)),
        () => startLyingWorld(references, noSightings(), lies),
        0,
      );
      process.stdout.write(`seed ${seed}, ${seconds} s: ${faults.join('; ')}\n`);
      expect(violations, faults.join('; ')).toEqual([]);
    },
  );

  test('the runners lied', () => {
    process.stdout.write(`${JSON.stringify(lies)}\n`);
    expect(lies.answered).toBeGreaterThan(0);
  });
});
