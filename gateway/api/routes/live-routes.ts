// GET /sse/events: the live feed as server-sent events; and what GET /ws/events says to who comes
// without an upgrade.

import type { HttpBindings } from '@hono/node-server';
import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { ProblemError } from '../../http/problem-document.ts';
import { droppedText, heartbeatText, parseTopics, topics } from '../../live/live-messages.ts';
import type { AppEnv } from '../app-env.ts';
import { problemResponse } from '../middleware/problem-response.ts';
import type { Services } from '../services.ts';
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
      description: `Which of ${topics.join(', ')}, separated by commas; all when absent.`,
      example: 'stats,dead_letter',
    }),
  since: z.string().max(100).optional().openapi({
    description:
      'id of the last message seen: what came after it is sent first, as long as it is kept.',
  }),
});

const socketRoute = createRoute({
  method: 'get',
  path: '/ws/events',
  summary: 'WebSocket: what happens, as it happens',
  description: 'See docs/live.md for the messages.',
  request: { query },
  responses: { 101: { description: 'Messages begin.' }, 426: problem('Asked without an upgrade.') },
});
const streamRoute = createRoute({
  method: 'get',
  path: '/sse/events',
  summary: 'Server-sent events: what happens, as it happens',
  description:
    'The messages of WS /ws/events; see docs/live.md. A client that comes back sends Last-Event-ID by itself.',
  request: { query, headers: z.object({ 'last-event-id': z.string().max(100).optional() }) },
  responses: {
    200: {
      description: 'A stream that does not end by itself.',
      content: {
        'text/event-stream': {
          schema: z.string(),
          example:
            'id: 1f0c9a2b-17\nevent: stats\ndata: {"type":"stats","id":"1f0c9a2b-17","at":"2026-01-31T12:00:00.000Z","data":{}}\n\n',
        },
      },
    },
    503: problem('As many clients follow as may.'),
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
      detail: 'The live feed is here by WebSocket; GET /sse/events has it as server-sent events.',
    });
  });

  app.openapi(streamRoute, async (c) => {
    // Its body is read by nobody, who could then not leave either.
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
        detail: 'As many clients follow this gateway as may (live.clientsMax), or it stops.',
        retryAfter: 10,
      });
    const { client, hello, leave } = connection;
    const encoder = new TextEncoder();
    let isDue = false;
    let isEnded = false;
    let woken = Promise.withResolvers<void>();
    // Absent when a test asks the app in process.
    const { outgoing }: Partial<HttpBindings> = c.env ?? {};
    const unwatch = live.watch(
      () => {
        // The last heartbeat was not taken: nobody reads.
        if (isDue) {
          end();
          outgoing?.destroy();
          return;
        }
        isDue = true;
        woken.resolve();
      },
      () => {
        isEnded = true;
        woken.resolve();
      },
    );
    client.wake = () => woken.resolve();
    const end = (): void => {
      unwatch();
      leave();
    };
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        start: (controller) =>
          controller.enqueue(encoder.encode(`retry: 2000\n\nevent: hello\ndata: ${hello}\n\n`)),
        // Called when the client takes more: what it does not take stays in its outbox, which is
        // bounded.
        async pull(controller) {
          for (;;) {
            if (isEnded) {
              end();
              return controller.close();
            }
            const next = client.outbox.take();
            if (next !== null) {
              const { entry, dropped } = next;
              const lost = dropped > 0 ? `event: dropped\ndata: ${droppedText(dropped)}\n\n` : '';
              // A snapshot is no place to resume from: changes that came before it may follow it.
              const id = entry.isSnapshot ? '' : `id: ${live.feed.run}-${entry.sequence}\n`;
              return controller.enqueue(
                encoder.encode(`${lost}${id}event: ${entry.topic}\ndata: ${entry.text}\n\n`),
              );
            }
            if (isDue) {
              isDue = false;
              return controller.enqueue(
                encoder.encode(
                  `event: heartbeat\ndata: ${heartbeatText(live.feed.id, clock.now())}\n\n`,
                ),
              );
            }
            await woken.promise;
            woken = Promise.withResolvers();
          }
        },
        cancel: end,
      },
      { highWaterMark: 1 },
    );
    return c.body(body, 200, streamHeaders);
  });
}
