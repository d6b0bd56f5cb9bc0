// Keeps one member of a consumer group going: connects, joins, and starts anew after every failure,
// until told to stop.

import type { Consumer, ConsumerConfig, EachBatchPayload, Kafka } from 'kafkajs';
import type { Clock } from '#core/ports.ts';
import { backoffMs } from '#core/time/retry.ts';
import { patience } from '../../kafka/kafka-client.ts';
import { kafkaError } from '../../kafka/kafka-errors.ts';
import type { KafkaLog } from '../../kafka/kafka-settings.ts';

export type KafkaMemberOptions = {
  readonly kafka: Kafka;
  /** In words, for health and log: `group vectorstream at localhost:9092`. */
  readonly name: string;
  readonly groupId: string;
  readonly topics: readonly string[];
  /** A member that is silent for so long is given up by the group: ten heartbeats. */
  readonly sessionMs: number;
  readonly clock: Clock;
  readonly log: KafkaLog;
};

/**
 * Called in turn, none of them waits: `eachBatch` that holds a batch would hold up all partitions
 * of its broker, and the heartbeats.
 */
export type KafkaMemberHandlers = {
  /** Before each start; it is tried again later when this rejects. */
  prepare(): Promise<void>;
  /** The assignment of a new generation, before anything is fetched in it. */
  joined(
    consumer: Consumer,
    partitionsOf: (topic: string) => readonly number[],
    memberId: string,
  ): void;
  /** The old assignment still holds, for the last time. */
  rebalancing(): void;
  batch(payload: EachBatchPayload): void;
  /** All up to `next` is read, and there was nothing for a consumer in it. */
  skipped(topic: string, partition: number, next: number): void;
};

export type KafkaMember = {
  /** `null` while the broker answers and the group has this member. */
  health(): string | null;
  /** Whether its last start failed, so that waiting for it may take long. */
  isFailing(): boolean;
  /** Leaves the group; within `stopMsMax` even when nobody answers. */
  stop(): Promise<void>;
};

/**
 * A fetch that finds nothing waits so long at the broker, and a paused partition so long for its
 * next fetch.
 */
const fetchWaitMs = 100;
const fetchBytesMax = { maxBytesPerPartition: 1024 * 1024, maxBytes: 8 * 1024 * 1024 };
/** How often the client asks whether the topic has more partitions. */
const metadataMs = 30_000;
const restart = { delayMs: 250, delayMsMax: 5_000 };
const stopMsMax = 1_500;

export function startKafkaMember(
  options: KafkaMemberOptions,
  handlers: KafkaMemberHandlers,
): KafkaMember {
  const { kafka, name, clock, log, sessionMs } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const heartbeatMs = Math.floor(sessionMs / 10);
  let trouble: string | null = `Kafka: joining ${name}`;
  let heardAt = clock.monotonic();
  let failures = 0;

  const hear = (): void => {
    heardAt = clock.monotonic();
  };

  const config: ConsumerConfig = {
    groupId: options.groupId,
    sessionTimeout: sessionMs,
    heartbeatInterval: heartbeatMs,
    rebalanceTimeout: sessionMs * 2,
    minBytes: 1,
    maxWaitTimeInMs: fetchWaitMs,
    ...fetchBytesMax,
    metadataMaxAge: metadataMs,
    allowAutoTopicCreation: false,
    // The restarts are counted and reported here.
    retry: { ...patience, restartOnFailure: () => Promise.resolve(false) },
  };

  /** Resolves with what ended it; `null` after the signal. */
  const runOnce = async (): Promise<unknown> => {
    await handlers.prepare();
    if (signal.aborted) return null;
    const consumer = kafka.consumer(config);
    const { promise: ended, resolve: end } = Promise.withResolvers<unknown>();
    const { events } = consumer;
    const guarded = (handle: () => void): void => {
      try {
        handle();
      } catch (error) {
        end(error);
      }
    };
    consumer.on(events.CRASH, ({ payload }) => end(payload.error));
    consumer.on(events.HEARTBEAT, hear);
    consumer.on(events.REBALANCING, () => guarded(() => handlers.rebalancing()));
    consumer.on(events.GROUP_JOIN, ({ payload: { memberId, memberAssignment } }) =>
      guarded(() => {
        hear();
        if (failures > 0) log.info({ group: options.groupId }, `Kafka is back: joined ${name}`);
        failures = 0;
        trouble = null;
        handlers.joined(consumer, (topic) => memberAssignment[topic] ?? [], memberId);
      }),
    );
    consumer.on(
      events.END_BATCH_PROCESS,
      ({ payload: { topic, partition, batchSize, lastOffset } }) =>
        guarded(() => {
          if (batchSize === 0) handlers.skipped(topic, partition, Number(lastOffset) + 1);
        }),
    );
    const stop = (): void => end(null);
    signal.addEventListener('abort', stop);
    const running = (async () => {
      await consumer.connect();
      await consumer.subscribe({ topics: [...options.topics], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatch: async (payload) =>
          guarded(() => {
            hear();
            handlers.batch(payload);
          }),
      });
    })();
    running.catch(end);
    try {
      return await ended;
    } finally {
      signal.removeEventListener('abort', stop);
      // A consumer that is told to stop while it starts goes on starting: it is stopped when it
      // has.
      const gone = running
        .catch(() => undefined)
        .then(() => consumer.disconnect())
        .catch(() => undefined);
      await within(stopMsMax, gone, clock);
    }
  };

  const keepRunning = async (): Promise<void> => {
    while (!signal.aborted) {
      const error = await runOnce().catch((thrown: unknown) => thrown);
      if (signal.aborted) return;
      failures += 1;
      trouble = kafkaError(error, `reading as ${name}`).message;
      const delayMs = backoffMs(restart, failures);
      if (failures === 1) log.warn({ group: options.groupId, delay_ms: delayMs }, trouble);
      else log.debug({ group: options.groupId, delay_ms: delayMs, failures }, trouble);
      await clock.sleep(delayMs, signal).catch(() => undefined);
    }
  };
  const finished = keepRunning();

  return {
    health() {
      if (trouble !== null) return trouble;
      const silentMs = clock.monotonic() - heardAt;
      return silentMs > sessionMs / 2
        ? `Kafka: no answer to ${name} for ${Math.round(silentMs / 1000)} s`
        : null;
    },
    isFailing: () => failures > 0,
    async stop() {
      stopping.abort();
      await within(stopMsMax, finished, clock);
    },
  };
}

/** Resolves when `work` does, or after `ms` without it. `work` does not reject. */
export async function within(ms: number, work: Promise<unknown>, clock: Clock): Promise<void> {
  const timer = new AbortController();
  await Promise.race([work, clock.sleep(ms, timer.signal).catch(() => undefined)]);
  timer.abort();
}
