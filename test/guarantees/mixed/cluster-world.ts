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
import { Gateway, joinAll, type Knowledge, type Sightings, type World } from './mixed-world.ts';
import { hashOf } from './produced.ts';

export const clusterLinks = [
  'producer',
  'runners of one',
  'runners of two',
  'Kafka',
  'Qdrant',
] as const;

/** A broker that tells its clients to come through a link. */
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
   * A third gateway joins the group with a runner of its own, and ends so many ms after it was
   * given work, or after a while without.
   */
  visit(ms: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Deletes the topic once all that was taken in is settled, and makes it anew. */
  recreateTopic(): Promise<void>;
};

/** A killed gateway keeps its partitions for a session of 10 s; then the group rebalances. */
const freshMsMax = 30_000;
const partitions = 4;
/** With a gateway that was just killed, and a store that was just down. */
const settledMsMax = 90_000;
/** Until the group has rebalanced. */
const joinMsMax = 6_000;
/** A frame with a vector is no smaller. */
const resultBytesMin = 1_536;

export async function startClusterWorld(
  knowledge: Knowledge,
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
  const join: World['join'] = (name, manner) =>
    resources.use(joinAll([one, two], knowledge, name, manner));
  const visitors: Gateway[] = [];
  const lostBefore = {
    commit: answers.dropped('commit'),
    deadLetter: answers.dropped('dead-letter'),
  };
  const visit: ClusterWorld['visit'] = async (ms, signal) => {
    await using three = await startFaultProxy();
    const visitor = await Gateway.start(
      pathOf(folder.path, `visitor ${visitors.length}`),
      [three],
      sightings,
      environment,
    );
    visitors.push(visitor);
    await using _ = joinAll([three], knowledge, 'three', 'honest');
    const hasWork = async (): Promise<boolean> =>
      (await visitor.running.stats()).events.received > 0;
    if (await until('it has work', joinMsMax, hasWork).catch(() => false))
      sightings.rebalanced += 1;
    await pass(ms);
    await visitor.end(signal);
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
    visit,
    recreateTopic,
    freshMsMax,
    url: `http://${producer.address}`,
    isSettled: () => isCommitted(broker.brokers, topic),
    async stored() {
      answers.stopDropping();
      sightings.commitAnswersLost += answers.dropped('commit') - lostBefore.commit;
      sightings.deadLetterAnswersLost += answers.dropped('dead-letter') - lostBefore.deadLetter;
      sightings.resultsLost += one.lost(resultBytesMin) + two.lost(resultBytesMin);
      const received = [...gateways, ...visitors].reduce(
        (sum, gateway) => sum + gateway.received,
        0,
      );
      const records = recordsDeleted + (await recordsIn(broker.brokers, topic));
      sightings.replayed += Math.max(0, received - records);
      return {
        ...(await readQdrant(qdrant.url)),
        letters: await readDeadLetters(broker.brokers, `${topic}.dlq`),
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

async function readQdrant(url: string): Promise<Omit<Stored, 'letters'>> {
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
 * To the last event, by the broker's word: a partition whose member was killed is for a while no
 * gateway's.
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
    await until('the new topic is there', 20_000, () =>
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
 * All that the topic holds. A dead letter that was produced twice counts once: it has one origin. A
 * topic that was made anew uses its offsets again.
 */
async function readDeadLetters(brokers: string, topic: string): Promise<Stored['letters']> {
  const held = await recordsIn(brokers, topic);
  const consumer = plainKafka(brokers).consumer({ groupId: randomUUID() });
  const letters = new Map<string, { hash: string; reason: string }>();
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
      letters.set([...origin, hash].join('/'), {
        hash,
        reason: String(headers['vectorstream.reason']),
      });
    },
  });
  await until(`all ${held} letters are read`, 30_000, () => read >= held);
  await consumer.disconnect();
  return [...letters.values()];
}
