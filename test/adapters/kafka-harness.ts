// Opens sources, sinks and dead letters on a test's own topics, and cuts their connections as a
// crash would.

import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import { Socket } from 'node:net';
import type { DeadLetters, EventSource, LogRecord } from '#core/ports.ts';
import { systemClock } from '#core/time/clock.ts';
import type { TopicChoice } from '../../gateway/kafka/chosen-topics.ts';
import { createKafkaDeadLetters } from '../../gateway/kafka/kafka-dead-letters.ts';
import {
  createKafkaSource,
  kafkaSourceDefaults,
  type KafkaSourceOptions,
} from '../../gateway/kafka/kafka-source.ts';
import type { KafkaConnection, KafkaLog } from '../../kafka/kafka-settings.ts';
import { createKafkaSink, sinkDefaults } from '../../kafka/kafka-sink.ts';
import type { TopicPlan } from '../../kafka/kafka-topics.ts';
import type { KafkaBroker } from '../helpers/kafka-broker.ts';

const show = process.env['VECTORSTREAM_TEST_KAFKA_LOG'] !== undefined;
const say =
  (level: string) =>
  (fields: object, message: string): void => {
    if (show) process.stderr.write(`${level} ${message} ${JSON.stringify(fields)}\n`);
  };
export const testLog: KafkaLog = {
  trace: () => undefined,
  debug: say('debug'),
  info: say('info'),
  warn: say('warn'),
  error: say('error'),
};

/** A connection that can be cut for good: its client neither leaves the group nor reconnects. */
export type CuttableConnection = KafkaConnection & {
  /** What opens its connections in here, now or later, can be cut. */
  open<T>(opening: () => T): T;
  cut(): void;
};

/** Is told of each socket that is opened inside of `open`, whichever library opens it. */
const opened = new AsyncLocalStorage<(socket: Socket) => void>();
subscribe('net.client.socket', (message) => {
  if (message instanceof Object && 'socket' in message && message.socket instanceof Socket)
    opened.getStore()?.(message.socket);
});

export function cuttable(brokers: string): CuttableConnection {
  const sockets = new Set<Socket>();
  let isCut = false;
  return {
    brokers: brokers.split(','),
    ssl: false,
    sasl: null,
    clientId: 'test',
    log: testLog,
    open: (opening) =>
      opened.run((socket) => {
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
        if (isCut) socket.once('connect', () => socket.destroy());
      }, opening),
    cut() {
      isCut = true;
      for (const socket of sockets) socket.destroy();
    },
  };
}

export const onlyTopic = (plan: TopicPlan): TopicChoice => ({
  named: [plan],
  patterns: [],
  written: [],
});

/** Short, so that the group soon gives up a silent member. */
export const testSessionMs = 1_000;

export function kafkaTopic(
  broker: KafkaBroker,
  { partitions, ...options }: { readonly partitions: number } & Partial<KafkaSourceOptions>,
  name: string,
) {
  // The records are dated years ago: a broker would soon delete them.
  const config = { 'retention.ms': '-1' };
  const topic = { topic: `events-${name}`, partitions, config, mayCreate: true };
  const sink = createKafkaSink({ ...sinkDefaults, connection: cuttable(broker.brokers), topic });
  const open = new Set<{ readonly source: EventSource; readonly connection: CuttableConnection }>();
  const crashed: EventSource[] = [];
  return {
    topic: topic.topic,
    append: (records: readonly LogRecord[]) => sink.append(records),
    async open(groupId: string, own: Partial<KafkaSourceOptions> = {}): Promise<EventSource> {
      const connection = cuttable(broker.brokers);
      const source = connection.open(() =>
        createKafkaSource({
          ...kafkaSourceDefaults,
          connection,
          topics: onlyTopic(topic),
          groupId: `${groupId}-${name}`,
          clock: systemClock,
          sessionMs: testSessionMs,
          commitMs: 5,
          ...options,
          ...own,
        }),
      );
      open.add({ source, connection });
      return source;
    },
    async crash(): Promise<void> {
      for (const { source, connection } of open) {
        connection.cut();
        crashed.push(source);
      }
      open.clear();
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.all(
        [...crashed, ...[...open].map(({ source }) => source)].map((source) =>
          source[Symbol.asyncDispose](),
        ),
      );
      await sink[Symbol.asyncDispose]();
    },
  };
}

export function kafkaDeadLetters(broker: KafkaBroker, name: string) {
  const all: { readonly queue: DeadLetters; readonly connection: CuttableConnection }[] = [];
  return {
    topic: `events-${name}.dlq`,
    async open(): Promise<DeadLetters> {
      const connection = cuttable(broker.brokers);
      const queue = connection.open(() =>
        createKafkaDeadLetters({
          connection,
          topic: `events-${name}.dlq`,
          partitions: 2,
          mayCreate: true,
          compression: 'lz4',
          groupId: name,
          sessionMs: testSessionMs,
          clock: systemClock,
        }),
      );
      all.push({ queue, connection });
      return queue;
    },
    async crash(): Promise<void> {
      for (const { connection } of all) connection.cut();
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.all(all.map(({ queue }) => queue[Symbol.asyncDispose]()));
    },
  };
}
