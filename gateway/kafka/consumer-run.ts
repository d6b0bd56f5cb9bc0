// Runs one consumer of the Kafka client from connecting to its end, and passes on what it reports.

import type { Consumer, ConsumerConfig, EachBatchPayload, Kafka } from 'kafkajs';
import type { Clock } from '#core/ports.ts';
import { within } from '#core/time/deadline.ts';

/**
 * Called one after the other. None of them waits: an `eachBatch` that holds a batch would hold up
 * all partitions of its broker, and the heartbeats.
 */
export type ConsumerHandlers = {
  /** The assignment of a new generation, before anything is fetched in it. */
  joined(
    consumer: Consumer,
    partitionsOf: (topic: string) => readonly number[],
    memberId: string,
  ): void;
  /** The assignment still holds during this call, and ends after it. */
  rebalancing(): void;
  batch(payload: EachBatchPayload): void;
  /** Everything below `next` was read, and none of it was for a consumer. */
  skipped(topic: string, partition: number, next: number): void;
  /** The broker has answered. */
  heard(): void;
  /** The group still has this member; called some times in each session. */
  heartbeat(): void;
};

export type ConsumerRun = {
  readonly kafka: Kafka;
  readonly config: ConsumerConfig;
  readonly topics: readonly string[];
  /** Ends the run. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
};

/** How long a consumer may take to leave the group and disconnect. */
export const stopMsMax = 1_500;

/** Resolves with what ended it, once it has disconnected; with `null` after the signal. */
export async function runConsumer(
  { kafka, config, topics, signal, clock }: ConsumerRun,
  handlers: ConsumerHandlers,
): Promise<unknown> {
  const consumer = kafka.consumer(config);
  const { promise: ended, resolve: end } = Promise.withResolvers<unknown>();
  const guarded = (handle: () => void): void => {
    try {
      handle();
    } catch (error) {
      end(error);
    }
  };
  listen(consumer, handlers, { guarded, end });
  const stop = (): void => end(null);
  signal.addEventListener('abort', stop);
  const running = start(consumer, topics, async (payload) =>
    guarded(() => {
      handlers.heard();
      handlers.batch(payload);
    }),
  );
  running.catch(end);
  try {
    return await ended;
  } finally {
    signal.removeEventListener('abort', stop);
    // A consumer that is stopped while it starts goes on starting, so it is stopped afterwards.
    const stopped = running
      .catch(() => undefined)
      .then(() => consumer.disconnect())
      .catch(() => undefined);
    await within(stopped, { ms: stopMsMax, clock, late: () => undefined });
  }
}

function listen(
  consumer: Consumer,
  handlers: ConsumerHandlers,
  {
    guarded,
    end,
  }: {
    readonly guarded: (handle: () => void) => void;
    readonly end: (error: unknown) => void;
  },
): void {
  const { events } = consumer;
  consumer.on(events.CRASH, ({ payload }) => end(payload.error));
  consumer.on(events.HEARTBEAT, () => {
    handlers.heard();
    handlers.heartbeat();
  });
  consumer.on(events.REBALANCING, () => guarded(() => handlers.rebalancing()));
  consumer.on(events.GROUP_JOIN, ({ payload: { memberId, memberAssignment } }) =>
    guarded(() => {
      handlers.heard();
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
}

async function start(
  consumer: Consumer,
  topics: readonly string[],
  eachBatch: (payload: EachBatchPayload) => Promise<void>,
): Promise<void> {
  await consumer.connect();
  await consumer.subscribe({ topics: [...topics], fromBeginning: true });
  await consumer.run({ autoCommit: false, eachBatch });
}
