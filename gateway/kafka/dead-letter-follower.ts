// Reads the topics of dead letters and of their states into the index, from their beginning on, and
// knows whether the index is up to date.

import { randomUUID } from 'node:crypto';
import type { EachBatchPayload, Kafka } from 'kafkajs';
import type { Clock } from '#core/ports.ts';
import { withAdmin } from '../../kafka/kafka-client.ts';
import { recordOfMessage } from '../../kafka/kafka-record.ts';
import type { KafkaLog } from '../../kafka/kafka-settings.ts';
import { ensureTopic, type TopicPlan } from '../../kafka/kafka-topics.ts';
import type { DeadLetterIndex } from './dead-letter-index.ts';
import { deadLetterOfRecord } from './dead-letter-record.ts';
import { erasedIdOf, statusOfRecord } from './dead-letter-status-record.ts';
import { type KafkaMember, startKafkaMember } from './kafka-member.ts';
import { TopicProgress } from './topic-progress.ts';

export type DeadLetterFollowerOptions = {
  readonly kafka: Kafka;
  readonly deadLetterTopic: TopicPlan;
  readonly stateTopic: TopicPlan;
  /** The topics are read under a consumer group whose name begins with this. */
  readonly groupId: string;
  readonly sessionMs: number;
  readonly clock: Clock;
  readonly log: KafkaLog;
  readonly index: DeadLetterIndex;
};

export type DeadLetterFollower = {
  readonly progress: TopicProgress;
  readonly member: KafkaMember;
};

/** Starts at once, and creates the topics if it may. Stopping the member ends it. */
export function followDeadLetters(options: DeadLetterFollowerOptions): DeadLetterFollower {
  const { kafka, deadLetterTopic, stateTopic, clock, log, index } = options;
  const plans = [deadLetterTopic, stateTopic];
  const topics = plans.map(({ topic }) => topic);
  const progress = new TopicProgress(clock);

  const take = ({ batch }: EachBatchPayload): void => {
    const { topic, partition, messages } = batch;
    const next = progress.next(topic, partition) ?? 0;
    const fresh = messages.map(recordOfMessage).filter(({ offset }) => offset >= next);
    if (topic === deadLetterTopic.topic)
      index.add(fresh.flatMap((record) => deadLetterOfRecord(record) ?? []));
    else {
      index.setStatus(fresh.flatMap((record) => statusOfRecord(record) ?? []));
      index.erase(fresh.flatMap((record) => erasedIdOf(record) ?? []));
    }
    progress.advance(topic, partition, Number(batch.lastOffset()) + 1);
  };

  const member = startKafkaMember(
    {
      kafka,
      name: `dead letters of ${deadLetterTopic.topic}`,
      groupId: `${options.groupId}.dead-letters.${randomUUID()}`,
      sessionMs: options.sessionMs,
      clock,
      log,
    },
    {
      async prepare() {
        await prepareTopics(kafka, plans, progress);
        progress.start();
        return topics;
      },
      joined(consumer, partitionsOf) {
        for (const topic of topics) {
          for (const partition of partitionsOf(topic)) {
            const next = progress.next(topic, partition);
            if (next !== null) consumer.seek({ topic, partition, offset: String(next) });
          }
        }
      },
      rebalancing: () => undefined,
      heartbeat: () => undefined,
      batch: take,
      skipped: (topic, partition, next) => progress.advance(topic, partition, next),
    },
  );
  return { progress, member };
}

/** The first time, everything that the topics hold becomes required. */
async function prepareTopics(
  kafka: Kafka,
  plans: readonly TopicPlan[],
  progress: TopicProgress,
): Promise<void> {
  await withAdmin(kafka, async (admin) => {
    for (const plan of plans) {
      await ensureTopic(admin, plan);
      if (progress.isStarted) continue;
      for (const { partition, low, high } of await admin.fetchTopicOffsets(plan.topic))
        if (Number(low) < Number(high)) progress.require(plan.topic, partition, Number(high));
    }
  });
}
