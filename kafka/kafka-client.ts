// Opens the client library behind every use of Kafka. A library is loaded when it is first used.

import type { KafkaAdmin, KafkaClient } from './kafka-port.ts';
import type { KafkaConnection } from './kafka-settings.ts';

const load = async (): Promise<(connection: KafkaConnection) => KafkaClient> =>
  (await import('./kafkajs/kafkajs-client.ts')).openKafkajsClient;

export function openKafkaClient(connection: KafkaConnection): KafkaClient {
  let opening: Promise<KafkaClient> | null = null;
  const client = (): Promise<KafkaClient> => (opening ??= load().then((open) => open(connection)));
  return {
    connectAdmin: async (retries) => (await client()).connectAdmin(retries),
    connectWriter: async (options) => (await client()).connectWriter(options),
    connectTopicIds: async (groupId) => (await client()).connectTopicIds(groupId),
    runConsumer: async (run, handlers) => (await client()).runConsumer(run, handlers),
  };
}

/** Connects for one piece of work, and disconnects afterwards. */
export async function withAdmin<T>(
  client: KafkaClient,
  work: (admin: KafkaAdmin) => Promise<T>,
): Promise<T> {
  await using admin = await client.connectAdmin();
  return await work(admin);
}
