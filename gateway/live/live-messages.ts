// The messages of the live feed, which are the same over WebSocket and as server-sent events. They
// are described in docs/live.md.

import { z } from '@hono/zod-openapi';

export const topics = ['stats', 'health', 'runner', 'dead_letter', 'sample'] as const;
export type Topic = (typeof topics)[number];

/** Tells a slow client how many messages were dropped. */
export const droppedText = (count: number): string => JSON.stringify({ type: 'dropped', count });
export const heartbeatText = (id: string, at: number): string =>
  JSON.stringify({ type: 'heartbeat', id, at: new Date(at).toISOString() });

export type Hello = {
  readonly id: string;
  readonly topics: readonly Topic[];
  readonly resumed: boolean;
  readonly heartbeatMs: number;
};
/** The first message of a connection, and the answer to each change of its topics. */
export const helloText = ({ id, topics: subscribed, resumed, heartbeatMs }: Hello): string =>
  JSON.stringify({ type: 'hello', id, topics: subscribed, resumed, heartbeat_ms: heartbeatMs });

const topicList = z.array(z.enum(topics)).min(1).max(topics.length);
/** The messages that a client may send over its WebSocket. */
export const clientMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('subscribe'), topics: topicList }),
  z.object({ type: z.literal('unsubscribe'), topics: topicList }),
  z.object({ type: z.literal('heartbeat') }),
]);

/** Parses a list such as `stats,health`; no list means all topics. `null`: one is unknown. */
export function parseTopics(text: string | undefined): readonly Topic[] | null {
  if (text === undefined || text === '') return topics;
  const parsed = topicList.safeParse([...new Set(text.split(',').map((name) => name.trim()))]);
  return parsed.success ? parsed.data : null;
}
