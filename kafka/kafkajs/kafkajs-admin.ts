// Requests about the cluster, through kafkajs.

import type { Kafka } from 'kafkajs';
import { clientRetry } from '../client-limits.ts';
import type { KafkaAdmin } from '../kafka-port.ts';

export async function connectKafkajsAdmin(
  kafka: Kafka,
  retries: number = clientRetry.retries,
): Promise<KafkaAdmin> {
  const admin = kafka.admin({ retry: { ...clientRetry, retries } });
  const disconnect = (): Promise<void> => admin.disconnect().catch(() => undefined);
  try {
    await admin.connect();
  } catch (error) {
    await disconnect();
    throw error;
  }
  return {
    async countBrokers() {
      const { brokers } = await admin.describeCluster();
      return brokers.length;
    },
    listTopics: () => admin.listTopics(),
    async countPartitions(topics) {
      // Without any, kafkajs would ask for all topics.
      if (topics.length === 0) return new Map();
      const metadata = await admin.fetchTopicMetadata({ topics: [...topics] });
      return new Map(metadata.topics.map(({ name, partitions }) => [name, partitions.length]));
    },
    async createTopic({ topic, partitions, config }) {
      await admin.createTopics({
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
    },
    deleteTopics: (topics) => admin.deleteTopics({ topics: [...topics] }),
    async topicEnds(topic) {
      const ends = await admin.fetchTopicOffsets(topic);
      return ends.map(({ partition, low, high }) => ({
        partition,
        low: Number(low),
        high: Number(high),
      }));
    },
    async offsetsSince(topic, timestamp) {
      const offsets = await admin.fetchTopicOffsetsByTimestamp(topic, timestamp);
      return new Map(offsets.map(({ partition, offset }) => [partition, Number(offset)]));
    },
    async committed(groupId, topics) {
      const offsets = await admin.fetchOffsets({ groupId, topics: [...topics] });
      return new Map(
        offsets.map(({ topic, partitions }) => [
          topic,
          new Map(partitions.map(({ partition, offset }) => [partition, Number(offset)])),
        ]),
      );
    },
    async deleteGroup(groupId) {
      await admin.deleteGroups([groupId]);
    },
    [Symbol.asyncDispose]: disconnect,
  };
}
