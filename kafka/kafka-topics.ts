// Ensures that a topic exists before it is used: finds it, creates it where that is allowed, or
// says what to do.

import type { Admin } from 'kafkajs';
import { DependencyError } from '#core/errors/errors.ts';
import { brokerErrorType, kafkaError } from './kafka-errors.ts';

export type TopicPlan = {
  readonly topic: string;
  /** The partitions of a new topic. Its replication factor is the broker's default. */
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
  readonly mayCreate: boolean;
};

/**
 * @param admin a connected client
 * @throws DependencyError
 */
export async function ensureTopic(
  admin: Admin,
  { topic, partitions, config, mayCreate }: TopicPlan,
): Promise<void> {
  if (await exists(admin, topic)) return;
  if (!mayCreate)
    throw missing(topic, 'create it, or let VectorStream create it (kafka.createTopics)');
  try {
    await admin.createTopics({
      // The next client that uses the topic waits for its leaders.
      waitForLeaders: false,
      topics: [
        {
          topic,
          numPartitions: partitions,
          replicationFactor: -1,
          configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
        },
      ],
    });
  } catch (error) {
    if (brokerErrorType(error) === 'TOPIC_ALREADY_EXISTS') return;
    if (/AUTHORIZATION_FAILED/.test(brokerErrorType(error) ?? ''))
      throw missing(
        topic,
        'this user may not create it: create it, or grant the right to create it',
      );
    throw kafkaError(error, `creating the topic ${topic}`);
  }
}

async function exists(admin: Admin, topic: string): Promise<boolean> {
  // Listed, because the client retries a request for the metadata of a missing topic many times.
  const topics = await admin.listTopics().catch((error: unknown) => {
    throw kafkaError(error, `looking for the topic ${topic}`);
  });
  return topics.includes(topic);
}

const missing = (topic: string, whatToDo: string): DependencyError =>
  new DependencyError('kafka', 'kafka_topic_missing', `Kafka has no topic ${topic}: ${whatToDo}.`, {
    retryable: true,
  });
