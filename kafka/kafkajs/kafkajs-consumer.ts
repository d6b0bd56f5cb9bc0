// Runs one consumer of kafkajs from connecting to its end, and passes on what it reports.
//
// `eachBatch` stores a batch and returns: one that holds a batch would hold up all partitions of
// its broker, and the heartbeats.

import type { Consumer, ConsumerConfig, EachBatchPayload, Kafka, Offsets } from 'kafkajs';
import { within } from '#core/time/deadline.ts';
import { clientRetry, fetchBytesMax, fetchWaitMs, metadataMs } from '../client-limits.ts';
import {
  type ConsumerHandlers,
  type ConsumerRun,
  type KafkaConsumer,
  stopMsMax,
} from '../kafka-port.ts';
import { recordOfMessage } from './kafkajs-record.ts';

type Started = {
  readonly consumer: Consumer;
  readonly guarded: (handle: () => void) => void;
  readonly end: (error: unknown) => void;
};

/** The commit function that kafkajs passes with a batch. */
type CommitOffsets = (offsets: Offsets) => Promise<void>;

export async function runKafkajsConsumer(
  kafka: Kafka,
  { groupId, topics, sessionMs, signal, clock }: ConsumerRun,
  handlers: ConsumerHandlers,
): Promise<unknown> {
  const consumer = kafka.consumer(consumerConfig(groupId, sessionMs));
  const { promise: ended, resolve: end } = Promise.withResolvers<unknown>();
  const guarded = (handle: () => void): void => {
    try {
      handle();
    } catch (error) {
      end(error);
    }
  };
  let commitOffsets: CommitOffsets | null = null;
  const port = portOf(consumer, () => commitOffsets);
  listen({ consumer, guarded, end }, port, handlers);
  const stop = (): void => end(null);
  signal.addEventListener('abort', stop);
  const running = start(consumer, topics, async (payload) =>
    guarded(() => {
      commitOffsets = (offsets) => payload.commitOffsetsIfNecessary(offsets);
      handlers.heard();
      const { topic, partition, messages, highWatermark } = payload.batch;
      handlers.batch({
        topic,
        partition,
        records: messages.map(recordOfMessage),
        next: Number(payload.batch.lastOffset()) + 1,
        end: Number(highWatermark),
      });
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

/**
 * @param commitOffsets what came with the last batch. Unlike the consumer's own function, which is
 *   used until the first batch, it does not retry after a rebalance has taken a partition away.
 */
const portOf = (consumer: Consumer, commitOffsets: () => CommitOffsets | null): KafkaConsumer => ({
  seek: (topic, partition, offset) => consumer.seek({ topic, partition, offset: String(offset) }),
  setPaused(topic, partition, change) {
    try {
      consumer[change]([{ topic, partitions: [partition] }]);
    } catch {
      // A consumer that has just ended refuses.
    }
  },
  async commit(offsets) {
    const commits = offsets.map((each) => ({ ...each, offset: String(each.offset) }));
    const commitOnce = commitOffsets();
    if (commitOnce === null) return consumer.commitOffsets(commits);
    const byTopic = Map.groupBy(commits, ({ topic }) => topic);
    await commitOnce({
      topics: [...byTopic].map(([topic, partitions]) => ({ topic, partitions })),
    });
  },
  async countMembers() {
    const { members } = await consumer.describeGroup();
    return members.length;
  },
});

function listen(
  { consumer, guarded, end }: Started,
  port: KafkaConsumer,
  handlers: ConsumerHandlers,
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
      handlers.joined(port, (topic) => memberAssignment[topic] ?? [], memberId);
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

const consumerConfig = (groupId: string, sessionMs: number): ConsumerConfig => ({
  groupId,
  sessionTimeout: sessionMs,
  heartbeatInterval: Math.floor(sessionMs / 10),
  rebalanceTimeout: sessionMs * 2,
  minBytes: 1,
  maxWaitTimeInMs: fetchWaitMs,
  maxBytesPerPartition: fetchBytesMax.partition,
  maxBytes: fetchBytesMax.request,
  metadataMaxAge: metadataMs,
  allowAutoTopicCreation: false,
  // The member restarts consumers itself, so that it can count and report the restarts.
  retry: { ...clientRetry, restartOnFailure: () => Promise.resolve(false) },
});
