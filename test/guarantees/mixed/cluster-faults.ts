// Faults of Kafka, Qdrant and the gateways of a group, besides the faults that any world has.

import { setTimeout as pass } from 'node:timers/promises';
import type { RequestKind } from '../../helpers/kafka-answers.ts';
import type { SeenRequest, Fault as QdrantFault } from '../../helpers/qdrant-double.ts';
import type { Seeded } from '../../helpers/seeded.ts';
import type { ClusterWorld, LinkedBroker } from './cluster-world.ts';
import { commonFaults, type Fault } from './faults.ts';

const qdrantFaults: readonly QdrantFault[] = [
  { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
  { kind: 'status', status: 500 },
  { kind: 'garbage', text: '<html>', contentType: 'text/html' },
  { kind: 'garbage', text: '{"result":', contentType: 'application/json' },
  { kind: 'half-an-answer' },
  { kind: 'no-answer' },
];

export function clusterFaults(
  random: Seeded,
  linkNames: readonly string[],
  { broker, answers }: LinkedBroker,
): readonly (readonly Fault<ClusterWorld>[])[] {
  const ms = random.between(50, 1_500);
  const times = random.between(1, 12);
  const signal = random.pick(['SIGTERM', 'SIGKILL'] as const);
  const losing = (kind: RequestKind, words: string): Fault<ClusterWorld> => ({
    name: `Kafka carries out ${words} ${times} times and its answers are lost`,
    inject: async () => answers.drop(kind, times),
  });
  return [
    ...commonFaults(random, linkNames, 2),
    qdrantFaults.map((fault) => ({
      name: `Qdrant answers ${times} requests with ${JSON.stringify(fault)}`,
      inject: async ({ qdrant }) => qdrant.fail(fault, undefined, times),
    })),
    [
      {
        name: `Qdrant refuses ${times} batches`,
        inject: async ({ qdrant, sightings }) =>
          qdrant.fail(
            { kind: 'status', status: 400 },
            (request) => {
              sightings.bisected += Number(isBatch(request));
              return isBatch(request);
            },
            times,
          ),
      },
    ],
    [
      {
        name: `Qdrant is down for ${ms} ms`,
        inject: async ({ qdrant }) => {
          await qdrant.down();
          await pass(ms);
          await qdrant.up();
        },
      },
    ],
    [
      {
        name: 'the broker is killed and started',
        inject: async () => {
          await broker.stop('SIGKILL');
          await broker.start();
        },
      },
      {
        name: `the broker is frozen for ${4 * ms} ms`,
        inject: async () => {
          broker.freeze();
          await pass(4 * ms);
          broker.thaw();
        },
      },
    ],
    [
      {
        name: `Qdrant carries out ${times} writes and its answers are lost`,
        inject: async ({ qdrant, sightings }) =>
          qdrant.fail(
            { kind: 'answer-lost' },
            (request) => {
              sightings.writeAnswersLost += Number(isWrite(request));
              return isWrite(request);
            },
            times,
          ),
      },
    ],
    [
      {
        name: 'the topic is deleted and created again',
        inject: (world) => world.recreateTopic(),
      },
    ],
    [losing('commit', 'a commit')],
    [losing('dead-letter', 'the writing of dead letters')],
    [
      {
        name: `a third gateway joins, works for ${ms} ms and ends by ${signal}`,
        inject: (world) => world.runThirdGateway(ms, signal),
      },
    ],
  ];
}

const isWrite = ({ method, path }: SeenRequest): boolean =>
  method === 'PUT' && /\/points\b/.test(path);
/** A batch, which the gateway halves when the store refuses it. It would give up a single point. */
const isBatch = (request: SeenRequest): boolean =>
  isWrite(request) && JSON.parse(request.body).points?.length > 1;
