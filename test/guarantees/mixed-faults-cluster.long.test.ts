// Mixed faults with Kafka and Qdrant: two gateways of one group, a broker that is killed, and a
// store that fails in every way.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noKafka } from '../helpers/kafka-broker.ts';
import { clusterFaults } from './mixed/cluster-faults.ts';
import {
  clusterLinks,
  startClusterWorld,
  startLinkedBroker,
  type LinkedBroker,
} from './mixed/cluster-world.ts';
import { anyOf } from './mixed/faults.ts';
import { loadReferences, noSightings, unseen, type References } from './mixed/mixed-world.ts';
import { runMixedFaults } from './mixed/run.ts';

const reason = await noKafka();
const runs = Number(process.env['VECTORSTREAM_TEST_RUNS'] ?? 5);
const firstSeed = Number(process.env['VECTORSTREAM_TEST_SEED'] ?? 1);
/** These happen too rarely to be expected of a few runs. */
const ofMany = [
  'bisected',
  'circuitsOpened',
  'writeAnswersLost',
  'commitAnswersLost',
  'deadLetterAnswersLost',
  'resultsLost',
  'rebalanced',
] as const;
const sightings = noSightings();

describe.skipIf(reason !== null)(
  'under mixed faults, with a broker and a store that fail too',
  () => {
    let references: References;
    let broker: LinkedBroker;
    beforeAll(async () => {
      references = await loadReferences();
      broker = await startLinkedBroker();
    });
    afterAll(() => broker[Symbol.asyncDispose]());

    test.for(Array.from({ length: runs }, (_, index) => firstSeed + index))(
      'seed %i',
      async (seed) => {
        const { faults, violations, seconds } = await runMixedFaults(
          seed,
          references,
          (random) => anyOf(random, clusterFaults(random, clusterLinks, broker)),
          () => startClusterWorld(references, sightings, broker),
        );
        process.stdout.write(`seed ${seed}, ${seconds} s: ${faults.join('; ')}\n`);
        expect(violations, faults.join('; ')).toEqual([]);
      },
    );

    test.skipIf(runs < 5)('the faults took effect', () => {
      process.stdout.write(`${JSON.stringify(sightings)}\n`);
      expect(
        unseen(sightings, [
          'superseded',
          'deadLettered',
          'requeued',
          'retried',
          'replayed',
          ...(runs >= 40 ? ofMany : []),
        ]),
      ).toEqual([]);
    });
  },
);
