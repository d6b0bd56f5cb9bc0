// Seeded runs of real processes under mixed faults on the embedded engines: whatever happens, the
// oracle finds every promise kept.

import { beforeAll, describe, expect, test } from 'vitest';
import { noSmallDisk } from '../../helpers/small-disk.ts';
import { embeddedFaults } from './embedded-faults.ts';
import { embeddedLinks, startEmbeddedWorld } from './embedded-world.ts';
import { anyOf } from './faults.ts';
import { loadReferences, noSightings, unseen, type References } from './mixed-world.ts';
import { runMixedFaults } from './run.ts';

const noDisk = await noSmallDisk();
/** These happen too rarely to be expected of a few runs. */
const ofMany = [
  'retried',
  'circuitsOpened',
  'late',
  'resultsLost',
  'torn',
  ...(noDisk === null ? (['startsRefused'] as const) : []),
] as const;

/**
 * Declares one test per run. Set `VECTORSTREAM_TEST_RUNS` and `VECTORSTREAM_TEST_SEED` for more
 * runs, or to repeat one that failed.
 */
export function testEmbeddedRuns(defaults: {
  readonly runs: number;
  readonly firstSeed: number;
}): void {
  const runs = Number(process.env['VECTORSTREAM_TEST_RUNS'] ?? defaults.runs);
  const firstSeed = Number(process.env['VECTORSTREAM_TEST_SEED'] ?? defaults.firstSeed);
  const sightings = noSightings();
  let references: References;
  beforeAll(async () => {
    references = await loadReferences();
  }, 60_000);

  describe('under mixed faults every promise of the store is kept', () => {
    test.for(Array.from({ length: runs }, (_, index) => firstSeed + index))(
      'seed %i',
      { timeout: 300_000 },
      async (seed) => {
        const { faults, violations, seconds } = await runMixedFaults(
          seed,
          references,
          (random) => anyOf(random, embeddedFaults(random, embeddedLinks)),
          () => startEmbeddedWorld(references, sightings, noDisk === null),
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
