// Seeded runs of real processes under mixed faults: whatever happens, the oracle finds every
// promise kept.

import { beforeAll, describe, expect, test } from 'vitest';
import { noSmallDisk } from '../helpers/small-disk.ts';
import { embeddedFaults } from './mixed/embedded-faults.ts';
import { embeddedLinks, startEmbeddedWorld } from './mixed/embedded-world.ts';
import { anyOf } from './mixed/faults.ts';
import { learn, nothingSighted, unseen, type Knowledge } from './mixed/mixed-world.ts';
import { runMixedFaults } from './mixed/run.ts';

/** More runs, or the one that failed: `VECTORSTREAM_TEST_RUNS=1 VECTORSTREAM_TEST_SEED=17`. */
const runs = Number(process.env['VECTORSTREAM_TEST_RUNS'] ?? 5);
const firstSeed = Number(process.env['VECTORSTREAM_TEST_SEED'] ?? 1);
const sightings = nothingSighted();

const noDisk = await noSmallDisk();
/** Too seldom for a few runs. */
const ofMany = [
  'retried',
  'circuitsOpened',
  'late',
  'resultsLost',
  'torn',
  ...(noDisk === null ? (['startsRefused'] as const) : []),
] as const;

let knowledge: Knowledge;
beforeAll(async () => {
  knowledge = await learn();
}, 60_000);

describe('under mixed faults every event is stored once in its newest version or dead-lettered with its reason, every vector is right, and new events are found', () => {
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

  test.skipIf(runs < 5)('and the faults did reach what they are meant to try', () => {
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
