// Reads the topics of dead letters and of their states into the index, from their beginning on, and
// knows whether the index is up to date.

import { randomUUID } from 'node:crypto';
import type { Clock } from '#core/ports.ts';
import { withAdmin } from '../../kafka/kafka-client.ts';
import type { ConsumedBatch, KafkaClient } from '../../kafka/kafka-port.ts';
import type { KafkaLog } from '../../kafka/kafka-settings.ts';
import { ensureTopic, type TopicPlan } from '../../kafka/kafka-topics.ts';
import type { DeadLetterIndex } from './dead-letter-index.ts';
import { deadLetterOfRecord } from './dead-letter-record.ts';
import { erasedIdOf, statusOfRecord } from './dead-letter-status-record.ts';
import { type KafkaMember, startKafkaMember } from './kafka-member.ts';
import { TopicProgress } from './topic-progress.ts';

export type DeadLetterFollowerOptions = {
  readonly client: KafkaClient;
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
  const { client, deadLetterTopic, stateTopic, clock, log, index } = options;
  const plans = [deadLetterTopic, stateTopic];
  const topics = plans.map(({ topic }) => topic);
  const progress = new TopicProgress(clock);

  const take = ({ topic, partition, records, next }: ConsumedBatch): void => {
    const begin = progress.next(topic, partition) ?? 0;
    const fresh = records.filter(({ offset }) => offset >= begin);
    if (topic === deadLetterTopic.topic)
      index.add(fresh.flatMap((record) => deadLetterOfRecord(record) ?? []));
    else {
      index.setStatus(fresh.flatMap((record) => statusOfRecord(record) ?? []));
      index.erase(fresh.flatMap((record) => erasedIdOf(record) ?? []));
    }
    progress.advance(topic, partition, next);
  };

  const member = startKafkaMember(
    {
      client,
      name: `dead letters of ${deadLetterTopic.topic}`,
      groupId: `${options.groupId}.dead-letters.${randomUUID()}`,
      sessionMs: options.sessionMs,
      clock,
      log,
    },
    {
      async prepare() {
        await prepareTopics(client, plans, progress);
        progress.start();
        return topics;
      },
      joined(consumer, partitionsOf) {
        for (const topic of topics) {
          for (const partition of partitionsOf(topic)) {
            const next = progress.next(topic, partition);
            if (next !== null) consumer.seek(topic, partition, next);
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
  client: KafkaClient,
  plans: readonly TopicPlan[],
  progress: TopicProgress,
): Promise<void> {
  await withAdmin(client, async (admin) => {
    for (const plan of plans) {
      await ensureTopic(admin, plan);
      if (progress.isStarted) continue;
      for (const { partition, low, high } of await admin.topicEnds(plan.topic))
        if (low < high) progress.require(plan.topic, partition, high);
    }
  });
}
