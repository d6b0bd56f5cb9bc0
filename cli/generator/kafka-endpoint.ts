// Finds the Kafka brokers and the topic for events, from --target or from the environment.

import { UsageError } from '#core/errors/errors.ts';
import { parseBrokers } from '../../kafka/kafka-settings.ts';

export type KafkaEndpoint = { readonly brokers: readonly string[]; readonly topic: string };

const defaultTopic = 'ecommerce-events';

/**
 * Reads `kafka://host:port,host:port/topic`, where the topic may be left out. Without a target it
 * reads KAFKA_BROKERS and KAFKA_TOPIC. `null` when events go to a gateway.
 *
 * @throws UsageError when an address or the topic is wrong
 */
export function kafkaEndpointOf(
  target: string | null,
  env: Readonly<Record<string, string | undefined>>,
): KafkaEndpoint | null {
  const topicOf = (given: string | undefined): string =>
    checkedTopic(given || env['KAFKA_TOPIC'] || defaultTopic);
  if (target === null)
    return env['KAFKA_BROKERS']
      ? { brokers: parseBrokers(env['KAFKA_BROKERS'], 'KAFKA_BROKERS'), topic: topicOf(undefined) }
      : null;
  if (!target.startsWith('kafka:')) return null;
  const [, brokers, topic] = /^kafka:\/\/([^/]+)(?:\/([^/]*))?$/.exec(target) ?? [];
  if (brokers === undefined)
    throw new UsageError(
      `--target is "${target}"; allowed is kafka://host:port/topic, ` +
        'with several brokers as host:port,host:port.',
    );
  return { brokers: parseBrokers(brokers, '--target'), topic: topicOf(topic) };
}

function checkedTopic(topic: string): string {
  if (/^(?!\.{1,2}$)[\w.-]{1,249}$/.test(topic)) return topic;
  throw new UsageError(
    `The topic is "${topic}"; allowed are 1 to 249 characters from a-z A-Z 0-9 . _ -.`,
  );
}
