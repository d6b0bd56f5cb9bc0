// Keeps one member of a consumer group running: it connects, joins, and starts again after every
// failure, until it is stopped.

import type { ConsumerConfig, Kafka } from 'kafkajs';
import type { Clock } from '#core/ports.ts';
import { within } from '#core/time/deadline.ts';
import { rest } from '#core/time/rest.ts';
import { RetryDelays } from '#core/time/retry.ts';
import { clientRetry } from '../../kafka/kafka-client.ts';
import { kafkaError } from '../../kafka/kafka-errors.ts';
import type { KafkaLog } from '../../kafka/kafka-settings.ts';
import { type ConsumerHandlers, runConsumer, stopMsMax } from './consumer-run.ts';

export type KafkaMemberOptions = {
  readonly kafka: Kafka;
  /** The name in health and log: `group vectorstream at localhost:9092`. */
  readonly name: string;
  readonly groupId: string;
  /** The group gives a member up after this long without a heartbeat; ten heartbeats fit in. */
  readonly sessionMs: number;
  readonly clock: Clock;
  readonly log: KafkaLog;
};

export type KafkaMemberHandlers = Omit<ConsumerHandlers, 'heard'> & {
  /** Runs before each start, and gives the topics to read. When it rejects, the start has failed. */
  prepare(): Promise<readonly string[]>;
};

export type KafkaMember = {
  /** `null` while the broker answers and the group has this member. */
  health(): string | null;
  /** Whether its last start failed, so that waiting for it may take long. */
  isFailing(): boolean;
  /** Leaves the group, and joins it again with a new consumer. */
  restart(): void;
  /** Leaves the group; takes at most `stopMsMax`, even when the broker does not answer. */
  stop(): Promise<void>;
};

/**
 * How long a fetch that finds nothing waits at the broker. The client looks at a paused partition
 * again only after this time.
 */
const fetchWaitMs = 100;
const fetchBytesMax = { maxBytesPerPartition: 1024 * 1024, maxBytes: 8 * 1024 * 1024 };
/** How often the client asks whether the topic has more partitions. */
const metadataMs = 30_000;
const restartBackoff = { delayMs: 250, delayMsMax: 5_000 };

export function startKafkaMember(
  options: KafkaMemberOptions,
  handlers: KafkaMemberHandlers,
): KafkaMember {
  const { kafka, name, groupId, clock, log, sessionMs } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let restarting = new AbortController();
  const delays = new RetryDelays({ backoff: restartBackoff, jitter: 'none' });
  const config = consumerConfig(groupId, sessionMs);
  let problem: string | null = `Kafka: joining ${name}`;
  let heardAt = clock.monotonic();

  const observed: ConsumerHandlers = {
    ...handlers,
    heard() {
      heardAt = clock.monotonic();
    },
    joined(...joined) {
      if (delays.failures > 0) log.info({ group: groupId }, `Kafka is back: joined ${name}`);
      delays.reset();
      problem = null;
      handlers.joined(...joined);
    },
  };

  const runOnce = async (): Promise<unknown> => {
    const topics = await handlers.prepare();
    if (signal.aborted) return null;
    restarting = new AbortController();
    const ending = AbortSignal.any([signal, restarting.signal]);
    return runConsumer({ kafka, config, topics, signal: ending, clock }, observed);
  };

  const keepRunning = async (): Promise<void> => {
    while (!signal.aborted) {
      const error = await runOnce().catch((thrown: unknown) => thrown);
      if (signal.aborted) return;
      if (error === null) continue;
      problem = kafkaError(error, `reading as ${name}`).message;
      const delayMs = delays.next();
      const { failures } = delays;
      if (failures === 1) log.warn({ group: groupId, delay_ms: delayMs }, problem);
      else log.debug({ group: groupId, delay_ms: delayMs, failures }, problem);
      await rest(clock, delayMs, signal);
    }
  };
  const finished = keepRunning();

  return {
    health() {
      if (problem !== null) return problem;
      const silentMs = clock.monotonic() - heardAt;
      return silentMs > sessionMs / 2
        ? `Kafka: no answer to ${name} for ${Math.round(silentMs / 1000)} s`
        : null;
    },
    isFailing: () => delays.failures > 0,
    restart: () => restarting.abort(),
    async stop() {
      stopping.abort();
      await within(finished, { ms: stopMsMax, clock, late: () => undefined });
    },
  };
}

const consumerConfig = (groupId: string, sessionMs: number): ConsumerConfig => ({
  groupId,
  sessionTimeout: sessionMs,
  heartbeatInterval: Math.floor(sessionMs / 10),
  rebalanceTimeout: sessionMs * 2,
  minBytes: 1,
  maxWaitTimeInMs: fetchWaitMs,
  ...fetchBytesMax,
  metadataMaxAge: metadataMs,
  allowAutoTopicCreation: false,
  // The member restarts consumers itself, so that it can count and report the restarts.
  retry: { ...clientRetry, restartOnFailure: () => Promise.resolve(false) },
});
