// Seeded runs of real processes under mixed faults: whatever happens, the oracle finds every promise kept.
import { beforeAll, describe, expect, test } from 'vitest';
import { runMixedFaults } from './mixed/run.ts';
import { learn, type Knowledge, type Sightings } from './mixed/world.ts';

const runs = Number(process.env['VECTORSTREAM_TEST_RUNS'] ?? 5);
const firstSeed = Number(process.env['VECTORSTREAM_TEST_SEED'] ?? 1);
const sightings: Sightings = { requeued: 0, retried: 0, superseded: 0, deadLettered: 0, late: 0, quarantined: 0 };

let knowledge: Knowledge;
beforeAll(async () => { knowledge = await learn(); }, 60_000);

describe('under mixed faults every event is stored once in its newest version or dead-lettered with its reason, every vector is right, and new events are found', () => {
  test.for(Array.from({ length: runs }, (_, index) => firstSeed + index))('seed %i', { timeout: 120_000 }, async (seed) => {
    const { faults, violations, seconds } = await runMixedFaults(seed, knowledge, sightings);
    expect(violations, `VECTORSTREAM_TEST_SEED=${seed}: ${faults.join('; ')}`).toEqual([]);
    process.stdout.write(`seed ${seed}, ${seconds} s: ${faults.join('; ')}\n`);
  });

  test('and the faults did reach what they are meant to try', () => {
    process.stdout.write(`${JSON.stringify(sightings)}\n`);
    for (const sighted of ['superseded', 'deadLettered', 'requeued'] as const) expect(sightings[sighted], sighted).toBeGreaterThan(0);
  });
});
