// The messages of the live feed, the same over WebSocket and as server-sent events; see
// docs/live.md.

import { z } from '@hono/zod-openapi';

export const topics = ['stats', 'health', 'runner', 'dead_letter', 'sample'] as const;
export type Topic = (typeof topics)[number];

/** Sent when a client has lost messages because it did not keep up. */
export const droppedText = (count: number): string => JSON.stringify({ type: 'dropped', count });
export const heartbeatText = (id: string, at: number): string =>
  JSON.stringify({ type: 'heartbeat', id, at: new Date(at).toISOString() });

export type Hello = {
  readonly id: string;
  readonly topics: readonly Topic[];
  readonly resumed: boolean;
  readonly heartbeatMs: number;
};
/** The first message of a connection, and the answer to every change of its topics. */
export const helloText = ({ id, topics: subscribed, resumed, heartbeatMs }: Hello): string =>
  JSON.stringify({ type: 'hello', id, topics: subscribed, resumed, heartbeat_ms: heartbeatMs });

const topicList = z.array(z.enum(topics)).min(1).max(topics.length);
/** What a client may send over its WebSocket. */
export const clientMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('subscribe'), topics: topicList }),
  z.object({ type: z.literal('unsubscribe'), topics: topicList }),
  z.object({ type: z.literal('heartbeat') }),
]);

/** `stats,health`; all of them when absent. `null`: one of them is no topic. */
export function parseTopics(text: string | undefined): readonly Topic[] | null {
  if (text === undefined || text === '') return topics;
  const parsed = topicList.safeParse([...new Set(text.split(',').map((name) => name.trim()))]);
  return parsed.success ? parsed.data : null;
}
