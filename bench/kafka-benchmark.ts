// Measures what Kafka as the source costs compared with the embedded log, and how fast events get
// from Kafka to Qdrant.

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { gatewayTarget } from '../cli/generator/send-events.ts';
import { startBenchGateway } from './bench-gateway.ts';
import { burstOf, hasBroker, throughTopic } from './bench-topic.ts';
import { atLeast, row, type Benchmark, type BenchmarkContext, type Row } from './benchmark.ts';
import { median, medianRatio } from './figures.ts';
import { sendAndWait } from './send-stream.ts';

const rounds = 3;
/** The least share of the embedded log's rate. */
const ratioMin = 0.85;

export const kafka: Benchmark = {
  name: 'kafka',
  about:
    'Events of the stream zipf-1.1, 20,000 in a burst: from a Kafka topic against the embedded ' +
    'log. Needs KAFKA_BROKERS; with QDRANT_URL also to Qdrant.',
  async run(context) {
    if (!hasBroker(context)) return [];
    const pairs: { ours: number; theirs: number }[] = [];
    const toQdrant: number[] = [];
    for (let turn = 1; turn <= (context.isQuick ? 1 : rounds); turn += 1) {
      context.say(`round ${turn}: the embedded log, then Kafka`);
      const theirs = await fromEmbeddedLog(context, `log-${turn}`, turn);
      pairs.push({ ours: await fromKafka(context, `kafka-${turn}`, turn, {}), theirs });
      if (process.env['QDRANT_URL'])
        toQdrant.push(await fromKafkaToQdrant(context, `qdrant-${turn}`, turn));
    }
    const rows: Row[] = [
      row('embedded log to embedded store', median(pairs.map(({ theirs }) => theirs)), 'events/s'),
      row('Kafka to embedded store', median(pairs.map(({ ours }) => ours)), 'events/s'),
      row('ratio, Kafka to embedded log', medianRatio(pairs), '×', atLeast(ratioMin)),
    ];
    if (toQdrant.length > 0) rows.push(row('Kafka to Qdrant', median(toQdrant), 'events/s'));
    else context.say('Kafka to Qdrant is skipped: there is no server. Set QDRANT_URL');
    return rows;
  },
};

async function fromEmbeddedLog(
  context: BenchmarkContext,
  name: string,
  seed: number,
): Promise<number> {
  const { total, ...sending } = burstOf(context, seed);
  await using gateway = await startBenchGateway({ ...context, folder: join(context.folder, name) });
  const { seconds } = await sendAndWait({
    ...sending,
    client: gateway.client,
    target: gatewayTarget(gateway.client),
  });
  return total / seconds;
}

async function fromKafka(
  context: BenchmarkContext,
  name: string,
  seed: number,
  settings: Readonly<Record<string, string>>,
): Promise<number> {
  const sending = burstOf(context, seed);
  return (await throughTopic(context, name, sending, settings)).eventsPerSecond;
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
