// GET /sse/events: the live feed as server-sent events; and the answer of GET /ws/events to a
// request without an upgrade.

import type { HttpBindings } from '@hono/node-server';
import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { ProblemError } from '../../http/problem-document.ts';
import { parseTopics, topics } from '../../live/live-messages.ts';
import type { AppEnv } from '../app-env.ts';
import { problemResponse } from '../middleware/problem-response.ts';
import type { Services } from '../services.ts';
import { LiveEventStream } from './live-event-stream.ts';
import { problem } from './schemas.ts';

const query = z.object({
  topics: z
    .string()
    .max(200)
    .optional()
    .refine(
      (text) => parseTopics(text) !== null,
      `expected a list of ${topics.join(', ')}, separated by commas`,
    )
    .openapi({
      description: `A list of ${topics.join(', ')}, separated by commas; all when absent.`,
      example: 'stats,dead_letter',
    }),
  since: z.string().max(100).optional().openapi({
    description:
      'id of the last message seen: the messages after it come first, as far as they are kept.',
  }),
});

const socketRoute = createRoute({
  method: 'get',
  path: '/ws/events',
  summary: 'WebSocket: changes as they happen',
  description: 'See docs/live.md for the messages.',
  request: { query },
  responses: {
    101: { description: 'Messages begin.' },
    426: problem('The request does not ask for an upgrade.'),
  },
});
const streamRoute = createRoute({
  method: 'get',
  path: '/sse/events',
  summary: 'Server-sent events: changes as they happen',
  description:
    'The messages of WS /ws/events; see docs/live.md. ' +
    'A browser that reconnects sends Last-Event-ID by itself.',
  request: { query, headers: z.object({ 'last-event-id': z.string().max(100).optional() }) },
  responses: {
    200: {
      description: 'A stream that lasts until the client leaves or the gateway stops.',
      content: {
        'text/event-stream': {
          schema: z.string(),
          example:
            'id: 1f0c9a2b-17\nevent: stats\n' +
            'data: {"type":"stats","id":"1f0c9a2b-17",' +
            '"at":"2026-01-31T12:00:00.000Z","data":{}}\n\n',
        },
      },
    },
    503: problem('The live feed is at its client limit.'),
  },
});

const streamHeaders = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  'X-Accel-Buffering': 'no',
};

export function liveRoutes(app: OpenAPIHono<AppEnv>, { live, clock }: Services): void {
  app.openAPIRegistry.registerPath(socketRoute);
  app.get('/ws/events', (c) => {
    c.header('Upgrade', 'websocket');
    return problemResponse(c, {
      status: 426,
      code: 'upgrade_required',
      detail: 'The live feed uses WebSocket here; GET /sse/events sends server-sent events.',
    });
  });

  app.openapi(streamRoute, async (c) => {
    // A client never reads the body of HEAD, so it would never leave either.
    if (c.req.method === 'HEAD') return c.body(null, 200, streamHeaders);
    const { topics: named, since } = c.req.valid('query');
    const connection = await live.open(
      parseTopics(named) ?? topics,
      since ?? c.req.valid('header')['last-event-id'] ?? null,
    );
    if (connection === null)
      throw new ProblemError({
        status: 503,
        code: 'live_full',
        detail:
          'The live feed is at its client limit (live.clientsMax), or the gateway is shutting ' +
          'down.',
        retryAfter: 10,
      });
    // Absent when a test calls the app in process.
    const { outgoing }: Partial<HttpBindings> = c.env ?? {};
    const stream = new LiveEventStream(live, connection, clock, () => outgoing?.destroy());
    return c.body(stream.body(), 200, streamHeaders);
  });
}
