// GET /stats and /metrics: what has happened since the start; both answer while source, store or
// queue are down.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { scrapedState } from '../views/scraped-state.ts';
import { statsOf, statsSchema } from '../views/stats-view.ts';
import { answer } from './schemas.ts';

const statsRoute = createRoute({
  method: 'get',
  path: '/stats',
  summary: 'Figures since this gateway started',
  responses: { 200: answer('store and dead_letters are totals of the index.', statsSchema) },
});
const metricsRoute = createRoute({
  method: 'get',
  path: '/metrics',
  summary: 'Prometheus metrics',
  responses: {
    200: {
      description: 'Text exposition format.',
      content: {
        'text/plain': {
          schema: z.string(),
          example:
            '# TYPE vectorstream_events_received_total ' +
            'counter\nvectorstream_events_received_total 10000\n',
        },
      },
    },
  },
});

export function statsRoutes(app: OpenAPIHono<AppEnv>, services: Services): void {
  const { telemetry } = services;

  app.openapi(statsRoute, async (c) => c.json(await statsOf(services), 200));

  app.openapi(metricsRoute, async (c) => {
    const { contentType, body } = await telemetry.exposition(await scrapedState(services));
    return c.text(body, 200, { 'Content-Type': contentType });
  });
}
