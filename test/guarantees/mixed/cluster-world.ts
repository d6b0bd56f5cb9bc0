// Two gateways of one consumer group on a real Kafka broker, one Qdrant for both (the double),
// every connection through a link.

import { randomUUID } from 'node:crypto';
import { join as pathOf } from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import { startFaultProxy, type FaultProxy } from '../../helpers/fault-proxy.ts';
import { createKafkaAnswers, type KafkaAnswers } from '../../helpers/kafka-answers.ts';
import { startKafkaBroker, type KafkaBroker } from '../../helpers/kafka-broker.ts';
import { startQdrantDouble, type QdrantDouble } from '../../helpers/qdrant-double.ts';
import { eventsCollection, textsCollection } from '../../helpers/qdrant-witness.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { until } from '../../helpers/until.ts';
import type { Stored } from './mixed-oracle.ts';
import { Gateway, joinAll, type References, type Sightings, type World } from './mixed-world.ts';
import { hashOf } from './produced.ts';

export const clusterLinks = [
  'producer',
  'runners of one',
  'runners of two',
  'Kafka',
  'Qdrant',
] as const;

/** A broker that directs its clients to a link. */
export type LinkedBroker = AsyncDisposable & {
  readonly broker: KafkaBroker;
  readonly link: FaultProxy;
  readonly answers: KafkaAnswers;
};

export async function startLinkedBroker(): Promise<LinkedBroker> {
  const answers = createKafkaAnswers();
  const link = await startFaultProxy(null, answers.watch);
  const broker = await startKafkaBroker({ 'advertised.listeners': `PLAINTEXT://${link.address}` });
  link.target(Number(broker.brokers.split(':')[1]));
  return {
    broker,
    link,
    answers,
    async [Symbol.asyncDispose]() {
      await broker[Symbol.asyncDispose]();
      await link[Symbol.asyncDispose]();
    },
  };
}

export type ClusterWorld = World & {
  readonly qdrant: QdrantDouble;
  readonly sightings: Sightings;
  /**
   * A third gateway joins the group with its own runner. It ends `ms` after it got work, or after a
   * while without work.
   */
  runThirdGateway(ms: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Deletes the topic once every accepted event is settled, and creates it again. */
  recreateTopic(): Promise<void>;
};

/** A killed gateway keeps its partitions for a session of 10 s; then the group rebalances. */
const freshMsMax = 30_000;
const partitions = 4;
/** Long enough even if a gateway was just killed or the store was just down. */
const settledMsMax = 90_000;
/** The time for the group to rebalance. */
const joinMsMax = 6_000;
/** The smallest frame that can carry a vector. */
const resultBytesMin = 1_536;

export async function startClusterWorld(
  references: References,
  sightings: Sightings,
  { broker, link: kafka, answers }: LinkedBroker,
): Promise<ClusterWorld> {
  const resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder());
  const proxy = async (port: number | null = null): Promise<FaultProxy> =>
    resources.use(await startFaultProxy(port));
  const qdrant = resources.use(await startQdrantDouble());
  const [producer, one, two, store] = [
    await proxy(),
    await proxy(),
    await proxy(),
    await proxy(Number(new URL(qdrant.url).port)),
  ];
  const topic = `run-${randomUUID()}`;
  let recordsDeleted = 0;
  const recreateTopic: ClusterWorld['recreateTopic'] = async () => {
    producer.set('cut');
    await until('the old topic is settled', settledMsMax, () => isCommitted(broker.brokers, topic));
    recordsDeleted += await recordsIn(broker.brokers, topic);
    await replaceTopic(broker.brokers, topic);
    producer.set('through');
  };
  const environment = {
    KAFKA_BROKERS: kafka.address,
    KAFKA_TOPIC: topic,
    KAFKA_GROUP_ID: topic,
    VECTORSTREAM_KAFKA_PARTITIONS: String(partitions),
    QDRANT_URL: `http://${store.address}`,
    VECTORSTREAM_QDRANT_TIMEOUT_MS: '1000',
  };
  const gateways = [
    resources.use(
      await Gateway.start(pathOf(folder.path, 'one'), [producer, one], sightings, environment),
    ),
    resources.use(await Gateway.start(pathOf(folder.path, 'two'), [two], sightings, environment)),
  ];
  const join: World['join'] = (name, behaviour) =>
    resources.use(joinAll([one, two], references, name, behaviour));
  const thirdGateways: Gateway[] = [];
  const lostBefore = {
    commit: answers.dropped('commit'),
    deadLetter: answers.dropped('dead-letter'),
  };
  const runThirdGateway: ClusterWorld['runThirdGateway'] = async (ms, signal) => {
    await using three = await startFaultProxy();
    const third = await Gateway.start(
      pathOf(folder.path, `third ${thirdGateways.length}`),
      [three],
      sightings,
      environment,
    );
    thirdGateways.push(third);
    await using _ = joinAll([three], references, 'three', 'honest');
    const hasWork = async (): Promise<boolean> => (await third.running.stats()).events.received > 0;
    if (await until('it has work', joinMsMax, hasWork).catch(() => false))
      sightings.rebalanced += 1;
    await pass(ms);
    await third.end(signal);
  };
  join('one', 'honest');
  join('two', 'honest');
  return {
    links: new Map([
      ['producer', producer],
      ['runners of one', one],
      ['runners of two', two],
      ['Kafka', kafka],
      ['Qdrant', store],
    ]),
    gateways,
    qdrant,
    sightings,
    join,
    runThirdGateway,
    recreateTopic,
    freshMsMax,
    url: `http://${producer.address}`,
    isSettled: () => isCommitted(broker.brokers, topic),
    async stored() {
      answers.stopDropping();
      sightings.commitAnswersLost += answers.dropped('commit') - lostBefore.commit;
      sightings.deadLetterAnswersLost += answers.dropped('dead-letter') - lostBefore.deadLetter;
      sightings.resultsLost += one.lost(resultBytesMin) + two.lost(resultBytesMin);
      const received = [...gateways, ...thirdGateways].reduce(
        (sum, gateway) => sum + gateway.received,
        0,
      );
      const records = recordsDeleted + (await recordsIn(broker.brokers, topic));
      sightings.replayed += Math.max(0, received - records);
      return {
        ...(await readQdrant(qdrant.url)),
        deadLetters: await readDeadLetters(broker.brokers, `${topic}.dlq`),
      };
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

type Point = {
  readonly id: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly vector: readonly number[];
};

async function pointsOf(url: string, collection: string): Promise<readonly Point[]> {
  const response = await fetch(`${url}/collections/${collection}/points/scroll`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ limit: 1_000_000, with_payload: true, with_vector: true }),
  });
  const { result } = Object(await response.json());
  return result.points;
}

async function readQdrant(url: string): Promise<Omit<Stored, 'deadLetters'>> {
  const texts = await pointsOf(url, textsCollection);
  const textOf = new Map(texts.map(({ id, payload }) => [id, String(payload['text'])]));
  return {
    events: (await pointsOf(url, eventsCollection)).map(({ id, payload }) => ({
      id,
      hash: hashOf(Buffer.from(JSON.stringify(JSON.parse(String(payload['payload']))))),
      text: textOf.get(String(payload['text_id'])) ?? null,
    })),
    vectors: texts.map(({ payload, vector }) => ({
      text: String(payload['text']),
      runner: String(payload['runner_name']),
      dtype: String(payload['dtype']),
      vector: Float32Array.from(vector),
    })),
  };
}

/**
 * Asks the broker whether everything is committed: after a kill, a partition belongs to no gateway
 * for a while.
 */
async function isCommitted(brokers: string, topic: string): Promise<boolean> {
  const admin = plainKafka(brokers).admin();
  await admin.connect();
  try {
    const [held, [group]] = await Promise.all([
      admin.fetchTopicOffsets(topic),
      admin.fetchOffsets({ groupId: topic, topics: [topic] }),
    ]);
    const committed = new Map(
      group?.partitions.map(({ partition, offset }) => [partition, Number(offset)]),
    );
    return held.every(
      ({ partition, high }) => Number(high) === 0 || committed.get(partition) === Number(high),
    );
  } finally {
    await admin.disconnect();
  }
}

async function replaceTopic(brokers: string, topic: string): Promise<void> {
  const admin = plainKafka(brokers).admin();
  await admin.connect();
  try {
    await admin.deleteTopics({ topics: [topic] });
    // A gateway may have made it first.
    await admin.createTopics({
      topics: [{ topic, numPartitions: partitions }],
      waitForLeaders: false,
    });
    await until('the new topic is there', 60_000, () =>
      admin.fetchTopicOffsets(topic).then(
        (held) => held.length === partitions,
        () => false,
      ),
    );
  } finally {
    await admin.disconnect();
  }
}

const plainKafka = (brokers: string) =>
  new kafkajs.Kafka({ brokers: brokers.split(','), logLevel: kafkajs.logLevel.NOTHING });

async function recordsIn(brokers: string, topic: string): Promise<number> {
  const admin = plainKafka(brokers).admin();
  await admin.connect();
  const held = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  return held.reduce((sum, { high }) => sum + Number(high), 0);
}

/**
 * All dead letters of the topic. One that was produced twice counts once, since it has one origin.
 * The hash is part of the key because a recreated topic uses the same offsets again.
 */
async function readDeadLetters(brokers: string, topic: string): Promise<Stored['deadLetters']> {
  const held = await recordsIn(brokers, topic);
  const consumer = plainKafka(brokers).consumer({ groupId: randomUUID() });
  const deadLetters = new Map<string, { hash: string; reason: string }>();
  let read = 0;
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message: { value, headers = {} } }) => {
      read += 1;
      const hash = hashOf(value ?? new Uint8Array());
      const origin = ['topic', 'partition', 'offset'].map((name) =>
        String(headers[`__connect.errors.${name}`]),
      );
      deadLetters.set([...origin, hash].join('/'), {
        hash,
        reason: String(headers['vectorstream.reason']),
      });
    },
  });
  await until(`all ${held} dead letters are read`, 60_000, () => read >= held);
  await consumer.disconnect();
  return [...deadLetters.values()];
}
