// Every kind of fault alone, several times in one run of real processes. This shows what a mix of
// faults may hide, and that each fault has an effect.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noKafka } from '../helpers/kafka-broker.ts';
import { seeded, type Seeded } from '../helpers/seeded.ts';
import { noSmallDisk } from '../helpers/small-disk.ts';
import { clusterFaults } from './mixed/cluster-faults.ts';
import {
  clusterLinks,
  startClusterWorld,
  startLinkedBroker,
  type LinkedBroker,
} from './mixed/cluster-world.ts';
import { embeddedFaults } from './mixed/embedded-faults.ts';
import { embeddedLinks, startEmbeddedWorld } from './mixed/embedded-world.ts';
import { commonFaults, found } from './mixed/faults.ts';
import { loadReferences, noSightings, unseen, type References } from './mixed/mixed-world.ts';
import { runMixedFaults } from './mixed/run.ts';

const firstSeed = Number(process.env['VECTORSTREAM_TEST_SEED'] ?? 1);
let references: References;
beforeAll(async () => {
  references = await loadReferences();
});

describe('with log and store in a folder', async () => {
  const noDisk = await noSmallDisk();
  const sightings = noSightings();
  const kinds = embeddedFaults(seeded(firstSeed), embeddedLinks)
    .flat()
    .map(({ name }, index) => ({ name, index }));

  test.for(kinds)('such as: $name', async ({ index }) => {
    const choose = (random: Seeded) => found(embeddedFaults(random, embeddedLinks).flat()[index]);
    const { faults, violations, seconds } = await runMixedFaults(
      firstSeed + index,
      references,
      choose,
      () => startEmbeddedWorld(references, sightings, noDisk === null),
    );
    process.stdout.write(`${seconds} s: ${faults.join('; ')}\n`);
    expect(violations, faults.join('; ')).toEqual([]);
  });

  test('each fault had its effect', () => {
    process.stdout.write(`${JSON.stringify(sightings)}\n`);
    expect(
      unseen(sightings, [
        'superseded',
        'deadLettered',
        'requeued',
        'replayed',
        'resultsLost',
        ...(noDisk === null ? (['retried', 'torn', 'startsRefused'] as const) : []),
      ]),
    ).toEqual([]);
  });
});

const reason = await noKafka();

describe.skipIf(reason !== null)('with Kafka and Qdrant', () => {
  let broker: LinkedBroker;
  beforeAll(async () => {
    broker = await startLinkedBroker();
  });
  afterAll(() => broker[Symbol.asyncDispose]());
  const sightings = noSightings();
  const all = (random: Seeded) => clusterFaults(random, clusterLinks, broker).flat();

  test('faults that only a cluster has break no promise', { timeout: 1_800_000 }, async () => {
    const from = commonFaults(seeded(1), clusterLinks, 2).flat().length;
    const wrong: (readonly string[])[] = [];
    for (let index = from; index < all(seeded(1)).length; index++) {
      const { faults, violations, seconds } = await runMixedFaults(
        firstSeed + index,
        references,
        (random) => found(all(random)[index]),
        () => startClusterWorld(references, sightings, broker),
      );
      process.stdout.write(`${seconds} s: ${faults.join('; ')}\n`);
      if (violations.length > 0) wrong.push([...violations, ...faults]);
    }
    expect(wrong).toEqual([]);
  });

  test('each fault had its effect', () => {
    process.stdout.write(`${JSON.stringify(sightings)}\n`);
    expect(
      unseen(sightings, [
        'deadLettered',
        'retried',
        'replayed',
        'bisected',
        'circuitsOpened',
        'writeAnswersLost',
        'commitAnswersLost',
        'deadLetterAnswersLost',
        'rebalanced',
      ]),
    ).toEqual([]);
  });
});
