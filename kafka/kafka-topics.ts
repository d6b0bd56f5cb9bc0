// Makes sure that a topic is there before it is used: finds it, makes it where that is allowed, or
// says what to do.

import type { Admin } from 'kafkajs';
import { DependencyError } from '#core/errors/errors.ts';
import { brokerWord, kafkaError } from './kafka-errors.ts';

export type TopicPlan = {
  readonly topic: string;
  /** Of a topic that is made; the replication is the broker's default. */
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
  readonly mayCreate: boolean;
};

/** Throws `DependencyError`. `admin` is connected. */
export async function ensureTopic(
  admin: Admin,
  { topic, partitions, config, mayCreate }: TopicPlan,
): Promise<void> {
  if (await exists(admin, topic)) return;
  if (!mayCreate) throw missing(topic, 'make it, or let VectorStream make it (kafka.createTopics)');
  try {
    await admin.createTopics({
      // Whoever uses it next waits for it.
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
    if (brokerWord(error) === 'TOPIC_ALREADY_EXISTS') return;
    if (/AUTHORIZATION_FAILED/.test(brokerWord(error) ?? ''))
      throw missing(topic, 'it may not be made by this user: make it, or grant the right to');
    throw kafkaError(error, `making the topic ${topic}`);
  }
}

async function exists(admin: Admin, topic: string): Promise<boolean> {
  // The list, since the client asks again and again for the metadata of a topic that is not there.
  const topics = await admin.listTopics().catch((error: unknown) => {
    throw kafkaError(error, `looking for the topic ${topic}`);
  });
  return topics.includes(topic);
}

const missing = (topic: string, whatToDo: string): DependencyError =>
  new DependencyError('kafka', 'kafka_topic_missing', `Kafka has no topic ${topic}: ${whatToDo}.`, {
    retryable: true,
  });
