// Ensures that a topic exists before it is used: finds it, creates it where that is allowed, or
// says what to do.

import { DependencyError } from '#core/errors/errors.ts';
import { brokerErrorType, kafkaError } from './kafka-errors.ts';
import type { KafkaAdmin, NewTopic } from './kafka-port.ts';

/** A topic, and how it is created if it is missing. */
export type TopicPlan = NewTopic & { readonly mayCreate: boolean };

/**
 * @param admin a connected client
 * @throws DependencyError
 */
export async function ensureTopic(admin: KafkaAdmin, plan: TopicPlan): Promise<void> {
  const { topic, mayCreate } = plan;
  if (await exists(admin, topic)) return;
  if (!mayCreate)
    throw missing(topic, 'create it, or let VectorStream create it (kafka.createTopics)');
  try {
    // The next client that uses the topic waits for its leaders.
    await admin.createTopic(plan);
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

async function exists(admin: KafkaAdmin, topic: string): Promise<boolean> {
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
