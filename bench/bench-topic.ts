// Sends a stream through a new Kafka topic to a gateway of its own.

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { systemClock } from '#core/time/clock.ts';
import { createKafkaTarget } from '../cli/generator/kafka-target.ts';
import { openKafkaClient, withAdmin } from '../kafka/kafka-client.ts';
import { connectionFromEnvironment, noKafkaLog, parseBrokers } from '../kafka/kafka-settings.ts';
import { startBenchGateway } from './bench-gateway.ts';
import type { BenchmarkContext } from './benchmark.ts';
import { sendAndWait, type SendStreamOptions } from './send-stream.ts';
import { events } from './streams.ts';

const count = 20_000;

export type Sending = Omit<SendStreamOptions, 'client' | 'target'> & { readonly total: number };

export type TopicFigures = {
  readonly eventsPerSecond: number;
  /** Processor time of the gateway and its threads, without its start. */
  readonly cpuMicrosPerEvent: number;
};

/** Says so when there is none. */
export function hasBroker({ say }: BenchmarkContext): boolean {
  if (process.env['KAFKA_BROKERS']) return true;
  say('skipped: there is no broker. Set KAFKA_BROKERS, such as localhost:9092');
  return false;
}

/** 20,000 valid events as fast as they are accepted; a tenth of them in a quick run. */
export function burstOf({ isQuick, signal }: BenchmarkContext, seed: number): Sending {
  const total = isQuick ? count / 10 : count;
  return {
    total,
    events: events('zipf-1.1', total, { seed, rate: null }),
    end: 'stored',
    rate: null,
    signal,
    onPoll: () => undefined,
  };
}

/** Uses a new topic, and deletes it afterwards. */
export async function throughTopic(
  context: BenchmarkContext,
  name: string,
  { total, ...sending }: Sending,
  settings: Readonly<Record<string, string>> = {},
): Promise<TopicFigures> {
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
    const cpuBefore = await gateway.cpuSeconds();
    const { seconds } = await sendAndWait({ ...sending, client: gateway.client, target });
    const cpuSeconds = (await gateway.cpuSeconds()) - cpuBefore;
    return { eventsPerSecond: total / seconds, cpuMicrosPerEvent: (cpuSeconds / total) * 1e6 };
  } finally {
    await deleteTopics(brokers, [topic, `${topic}.dlq`, `${topic}.dlq.state`]);
  }
}

async function deleteTopics(brokers: readonly string[], topics: readonly string[]): Promise<void> {
  const client = openKafkaClient(connectionFromEnvironment(brokers, process.env, noKafkaLog));
  await withAdmin(client, async (admin) => {
    const existing = await admin.listTopics();
    await admin.deleteTopics(topics.filter((topic) => existing.includes(topic)));
  });
}
