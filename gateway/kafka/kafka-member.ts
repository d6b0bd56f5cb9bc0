// Keeps one member of a consumer group running: it connects, joins, and starts again after every
// failure, until it is stopped.

import type { Clock } from '#core/ports.ts';
import { within } from '#core/time/deadline.ts';
import { rest } from '#core/time/rest.ts';
import { RetryDelays } from '#core/time/retry.ts';
import { kafkaError } from '../../kafka/kafka-errors.ts';
import { type ConsumerHandlers, type KafkaClient, stopMsMax } from '../../kafka/kafka-port.ts';
import type { KafkaLog } from '../../kafka/kafka-settings.ts';

export type KafkaMemberOptions = {
  readonly client: KafkaClient;
  /** The name in health and log: `group vectorstream at localhost:9092`. */
  readonly name: string;
  readonly groupId: string;
  /** See `ConsumerRun`. */
  readonly sessionMs: number;
  readonly clock: Clock;
  readonly log: KafkaLog;
};

export type KafkaMemberHandlers = Omit<ConsumerHandlers, 'heard'> & {
  /** Runs before each start: resolves with the topics to read. The start fails if it rejects. */
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

const restartBackoff = { delayMs: 250, delayMsMax: 5_000 };

export function startKafkaMember(
  options: KafkaMemberOptions,
  handlers: KafkaMemberHandlers,
): KafkaMember {
  const { client, name, groupId, clock, log, sessionMs } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let restarting = new AbortController();
  const delays = new RetryDelays({ backoff: restartBackoff, jitter: 'none' });
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
    return client.runConsumer({ groupId, topics, sessionMs, signal: ending, clock }, observed);
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
