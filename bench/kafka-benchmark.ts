// Measures what Kafka as the source costs compared with the embedded log, how fast events get from
// Kafka to Qdrant, and how fast invalid ones get to the topic of dead letters.

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { systemClock } from '#core/time/clock.ts';
import { createKafkaTarget } from '../cli/generator/kafka-target.ts';
import { gatewayTarget } from '../cli/generator/send-events.ts';
import { openKafka } from '../kafka/kafka-client.ts';
import { connectionFromEnvironment, parseBrokers, type KafkaLog } from '../kafka/kafka-settings.ts';
import { startBenchGateway } from './bench-gateway.ts';
import { atLeast, row, type Benchmark, type BenchmarkContext, type Row } from './benchmark.ts';
import { median, medianRatio } from './figures.ts';
import { sendAndWait, type SendStreamOptions } from './send-stream.ts';
import { events, withUnknownType } from './streams.ts';

const count = 20_000;
const rounds = 3;
/** The least share of the embedded log's rate. */
const ratioMin = 0.85;
const deadLettersPerSecondMin = 2_000;
const silent = (): void => undefined;
const noLog: KafkaLog = { trace: silent, debug: silent, info: silent, warn: silent, error: silent };

export const kafka: Benchmark = {
  name: 'kafka',
  about:
    'Events of the stream zipf-1.1, 20,000 in a burst: from a Kafka topic against the embedded ' +
    'log; and as many invalid ones, to dead letters. Needs KAFKA_BROKERS; with QDRANT_URL also ' +
    'to Qdrant.',
  async run(context) {
    if (!process.env['KAFKA_BROKERS']) {
      context.say('skipped: there is no broker. Set KAFKA_BROKERS, such as localhost:9092');
      return [];
    }
    const pairs: { ours: number; theirs: number }[] = [];
    const toDeadLetters: number[] = [];
    const toQdrant: number[] = [];
    for (let turn = 1; turn <= (context.isQuick ? 1 : rounds); turn += 1) {
      context.say(`round ${turn}: the embedded log, Kafka, then invalid events`);
      const theirs = await fromEmbeddedLog(context, `log-${turn}`, turn);
      pairs.push({ ours: await fromKafka(context, `kafka-${turn}`, turn, {}), theirs });
      toDeadLetters.push(await deadLettersFromKafka(context, `invalid-${turn}`, turn));
      if (process.env['QDRANT_URL'])
        toQdrant.push(await fromKafkaToQdrant(context, `qdrant-${turn}`, turn));
    }
    const rows: Row[] = [
      row('embedded log to embedded store', median(pairs.map(({ theirs }) => theirs)), 'events/s'),
      row('Kafka to embedded store', median(pairs.map(({ ours }) => ours)), 'events/s'),
      row('ratio, Kafka to embedded log', medianRatio(pairs), '×', atLeast(ratioMin)),
      row(
        'Kafka to dead letters in Kafka',
        median(toDeadLetters),
        'events/s',
        atLeast(deadLettersPerSecondMin),
      ),
    ];
    if (toQdrant.length > 0) rows.push(row('Kafka to Qdrant', median(toQdrant), 'events/s'));
    else context.say('Kafka to Qdrant is skipped: there is no server. Set QDRANT_URL');
    return rows;
  },
};

const sendingOf = (context: BenchmarkContext, seed: number) => {
  const total = context.isQuick ? count / 10 : count;
  return {
    total,
    events: events('zipf-1.1', total, { seed, rate: null }),
    end: 'stored' as const,
    rate: null,
    signal: context.signal,
    onPoll: silent,
  };
};

async function fromEmbeddedLog(
  context: BenchmarkContext,
  name: string,
  seed: number,
): Promise<number> {
  const { total, ...sending } = sendingOf(context, seed);
  await using gateway = await startBenchGateway({ ...context, folder: join(context.folder, name) });
  const { seconds } = await sendAndWait({
    ...sending,
    client: gateway.client,
    target: gatewayTarget(gateway.client),
  });
  return total / seconds;
}

const fromKafka = (
  context: BenchmarkContext,
  name: string,
  seed: number,
  settings: Readonly<Record<string, string>>,
): Promise<number> => throughTopic(context, name, sendingOf(context, seed), settings);

function deadLettersFromKafka(
  context: BenchmarkContext,
  name: string,
  seed: number,
): Promise<number> {
  const sending = sendingOf(context, seed);
  const invalid = withUnknownType(sending.events);
  return throughTopic(context, name, { ...sending, events: invalid, end: 'dead_lettered' }, {});
}

/** Uses a new topic, and deletes it afterwards. */
async function throughTopic(
  context: BenchmarkContext,
  name: string,
  { total, ...sending }: Omit<ReturnType<typeof sendingOf>, 'end'> & Pick<SendStreamOptions, 'end'>,
  settings: Readonly<Record<string, string>>,
): Promise<number> {
  const topic = `vectorstream-bench-${randomUUID()}`;
  const brokers = parseBrokers(process.env['KAFKA_BROKERS'] ?? '', 'KAFKA_BROKERS');
  const security = Object.fromEntries(
    Object.entries(process.env).flatMap(([key, value]) =>
      /^KAFKA_(SSL|SASL_)/.test(key) && value !== undefined ? [[key, value]] : [],
    ),
  );
  try {
    await using gateway = await startBenchGateway(
      { ...context, folder: join(context.folder, name) },
      {
        ...security,
        KAFKA_BROKERS: brokers.join(','),
        KAFKA_TOPIC: topic,
        KAFKA_GROUP_ID: topic,
        ...settings,
      },
    );
    await using target = createKafkaTarget({
      brokers,
      topic,
      acks: 'all',
      compression: 'none',
      env: process.env,
      clock: systemClock,
      retryForMs: 60_000,
      onWait: context.say,
    });
    const { seconds } = await sendAndWait({ ...sending, client: gateway.client, target });
    return total / seconds;
  } finally {
    await deleteTopics(brokers, [topic, `${topic}.dlq`, `${topic}.dlq.state`]);
  }
}

/** Uses new collections, and deletes them afterwards. */
async function fromKafkaToQdrant(
  context: BenchmarkContext,
  name: string,
  seed: number,
): Promise<number> {
  const { QDRANT_URL: url = '', QDRANT_API_KEY: key } = process.env;
  const collections = ['texts', 'events'].map(
    (kind) => `vectorstream_bench_${kind}_${randomUUID()}`,
  );
  const [texts = '', stored = ''] = collections;
  try {
    return await fromKafka(context, name, seed, {
      QDRANT_URL: url,
      ...(key && { QDRANT_API_KEY: key }),
      QDRANT_COLLECTION: texts,
      QDRANT_EVENTS_COLLECTION: stored,
    });
  } finally {
    for (const collection of collections) {
      await fetch(new URL(`/collections/${collection}`, url), {
        method: 'DELETE',
        headers: key ? { 'api-key': key } : {},
      });
    }
  }
}

async function deleteTopics(brokers: readonly string[], topics: readonly string[]): Promise<void> {
  const admin = openKafka(connectionFromEnvironment(brokers, process.env, noLog)).admin();
  await admin.connect();
  try {
    const existing = await admin.listTopics();
    await admin.deleteTopics({ topics: topics.filter((topic) => existing.includes(topic)) });
  } finally {
    await admin.disconnect();
  }
}
