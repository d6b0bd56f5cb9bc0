// Mixed faults with real runners: a page in a headless browser and a Node runner, whose processes
// are killed and frozen too.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needsBrowser } from '../helpers/browser.ts';
import { needsProcessList } from '../helpers/process-list.ts';
import { anyOf } from './mixed/faults.ts';
import { loadReferences, noSightings, type References } from './mixed/mixed-world.ts';
import { pageFaults, startPageWorld, type Embedded } from './mixed/page-world.ts';
import { startRealRunners, type RealRunners } from './mixed/real-runners.ts';
import { runMixedFaults } from './mixed/run.ts';

const runs = Number(process.env['VECTORSTREAM_TEST_RUNS'] ?? 3);
const firstSeed = Number(process.env['VECTORSTREAM_TEST_SEED'] ?? 1);
const sightings = noSightings();
const embedded: Embedded = new Map();

let reason: string | null = null;
needsProcessList((why) => {
  reason = why;
});
await needsBrowser((why) => {
  reason = why;
});

describe.skipIf(reason !== null)(
  'under mixed faults, with a browser and a Node runner that fail too',
  () => {
    let references: References;
    let runners: RealRunners;
    beforeAll(async () => {
      references = await loadReferences();
      runners = await startRealRunners();
    });
    afterAll(() => runners[Symbol.asyncDispose]());

    test.for(Array.from({ length: runs }, (_, index) => firstSeed + index))(
      'seed %i',
      async (seed) => {
        // No text kills a real runner.
        const { faults, violations, seconds } = await runMixedFaults(
          seed,
          references,
          (random) => anyOf(random, pageFaults(random)),
          () => startPageWorld(references, sightings, runners, embedded),
          0,
        );
        process.stdout.write(`seed ${seed}, ${seconds} s: ${faults.join('; ')}\n`);
        expect(violations, `${faults.join('; ')}\n${runners.lastWords()}`).toEqual([]);
      },
    );

    test.skipIf(runs < 3)('both kinds of runners embedded texts', () => {
      process.stdout.write(`${JSON.stringify([...embedded])} ${JSON.stringify(sightings)}\n`);
      expect([...embedded.keys()]).toEqual(expect.arrayContaining(['page-1', 'node-1']));
    });
  },
);
