// Mixed faults with Kafka and Qdrant: two gateways of one group, a broker that is killed, and a
// store with every kind of wrong answer.

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
import { learn, nothingSighted, unseen, type Knowledge } from './mixed/mixed-world.ts';
import { runMixedFaults } from './mixed/run.ts';

const reason = await noKafka();
const runs = Number(process.env['VECTORSTREAM_TEST_RUNS'] ?? 5);
const firstSeed = Number(process.env['VECTORSTREAM_TEST_SEED'] ?? 1);
/** Too rare for a few runs. */
const ofMany = [
  'bisected',
  'circuitsOpened',
  'writeAnswersLost',
  'commitAnswersLost',
  'deadLetterAnswersLost',
  'resultsLost',
  'rebalanced',
] as const;
const sightings = nothingSighted();

describe.skipIf(reason !== null)(
  'under mixed faults, with a broker and a store that fail too',
  () => {
    let knowledge: Knowledge;
    let broker: LinkedBroker;
    beforeAll(async () => {
      knowledge = await learn();
      broker = await startLinkedBroker();
    }, 120_000);
    afterAll(() => broker[Symbol.asyncDispose]());

    test.for(Array.from({ length: runs }, (_, index) => firstSeed + index))(
      'seed %i',
      { timeout: 300_000 },
      async (seed) => {
        const { faults, violations, seconds } = await runMixedFaults(
          seed,
          knowledge,
          (random) => anyOf(random, clusterFaults(random, clusterLinks, broker)),
          () => startClusterWorld(knowledge, sightings, broker),
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
