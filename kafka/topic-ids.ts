// Keeps one connection for questions about the ids of topics: a topic that is deleted and recreated
// has another one.

import type { KafkaClient, TopicIds } from './kafka-port.ts';

/** Connects with the first question, and again after a failure. */
export function createTopicIds(client: KafkaClient, groupId: string): TopicIds {
  let connecting: Promise<TopicIds> | null = null;

  return {
    async current(topic) {
      const mine = (connecting ??= client.connectTopicIds(groupId));
      try {
        return await (await mine).current(topic);
      } catch (error) {
        if (connecting === mine) connecting = null;
        void close(mine);
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => close(connecting),
  };
}

async function close(ids: Promise<TopicIds> | null): Promise<void> {
  try {
    await (await ids)?.[Symbol.asyncDispose]();
  } catch {
    // What could not connect needs no closing.
  }
}
