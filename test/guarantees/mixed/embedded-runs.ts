// Seeded runs of real processes under mixed faults on the embedded engines: whatever happens, the
// oracle finds every promise kept.

import { beforeAll, describe, expect, test } from 'vitest';
import { noSmallDisk } from '../../helpers/small-disk.ts';
import { embeddedFaults } from './embedded-faults.ts';
import { embeddedLinks, startEmbeddedWorld } from './embedded-world.ts';
import { anyOf } from './faults.ts';
import { learn, nothingSighted, unseen, type Knowledge } from './mixed-world.ts';
import { runMixedFaults } from './run.ts';

const noDisk = await noSmallDisk();
/** Too rare for a few runs. */
const ofMany = [
  'retried',
  'circuitsOpened',
  'late',
  'resultsLost',
  'torn',
  ...(noDisk === null ? (['startsRefused'] as const) : []),
] as const;

/**
 * Declares the tests of some runs. `VECTORSTREAM_TEST_RUNS` and `VECTORSTREAM_TEST_SEED` ask for
 * more runs, or for the one that failed.
 */
export function testEmbeddedRuns(defaults: {
  readonly runs: number;
  readonly firstSeed: number;
}): void {
  const runs = Number(process.env['VECTORSTREAM_TEST_RUNS'] ?? defaults.runs);
  const firstSeed = Number(process.env['VECTORSTREAM_TEST_SEED'] ?? defaults.firstSeed);
  const sightings = nothingSighted();
  let knowledge: Knowledge;
  beforeAll(async () => {
    knowledge = await learn();
  }, 60_000);

  describe('under mixed faults every promise of the store is kept', () => {
    test.for(Array.from({ length: runs }, (_, index) => firstSeed + index))(
      'seed %i',
      { timeout: 300_000 },
      async (seed) => {
        const { faults, violations, seconds } = await runMixedFaults(
          seed,
          knowledge,
          (random) => anyOf(random, embeddedFaults(random, embeddedLinks)),
          () => startEmbeddedWorld(knowledge, sightings, noDisk === null),
        );
        process.stdout.write(`seed ${seed}, ${seconds} s: ${faults.join('; ')}\n`);
        expect(violations, faults.join('; ')).toEqual([]);
      },
    );

    // A few runs cannot meet every kind of fault.
    if (runs < 5) return;
    test('the faults take effect', () => {
      process.stdout.write(`${JSON.stringify(sightings)}\n`);
      expect(
        unseen(sightings, [
          'superseded',
          'deadLettered',
          'requeued',
          'replayed',
          ...(runs >= 100 ? ofMany : []),
        ]),
      ).toEqual([]);
    });
  });
}
