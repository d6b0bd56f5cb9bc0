// GET /stats/history: the figures of the last minutes or hours, step by step.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { Step } from '../../telemetry/figure-history.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { answer } from './schemas.ts';

const counts = (description: string) => z.array(z.int().nullable()).openapi({ description });
const quantile = (description: string) => z.array(z.number().nullable()).openapi({ description });

const historySchema = z
  .object({
    from: z.iso.datetime().openapi({ description: 'Begin of the first step.' }),
    step_seconds: z.int().openapi({
      description:
        'Length of a step. Each list below has one value for each step from `from` on; null ' +
        'where the gateway did not run.',
    }),
    received: counts('Events taken from the source in the step.'),
    stored: counts('Events that became searchable in the step.'),
    dead_lettered: counts('Events put into the dead-letter queue in the step.'),
    texts_embedded: counts('Texts that runners embedded in the step.'),
    lag: counts('Events that waited in the log at the end of the step; null when not known.'),
    latency_ms: z
      .object({
        p50: quantile('Half of the events took no longer.'),
        p95: quantile('95 % of the events took no longer.'),
        p99: quantile('99 % of the events took no longer.'),
      })
      .openapi({
        description:
          "From the record's timestamp until it is searchable; null where nothing was stored.",
      }),
    last_minute: z
      .object({ p50: z.number(), p95: z.number(), p99: z.number() })
      .nullable()
      .openapi({
        description: 'The same over the last 60 seconds; null when nothing was stored in them.',
      }),
  })
  .openapi('StatsHistory');
export type StatsHistory = z.infer<typeof historySchema>;

const query = z.strictObject({
  seconds: z.coerce
    .number()
    .int()
    .min(60)
    .max(86_400)
    .default(3600)
    .openapi({ description: 'How far back; up to a day.', example: 3600 }),
});
export type HistoryQuery = { readonly seconds?: number };

const historyRoute = createRoute({
  method: 'get',
  path: '/stats/history',
  summary: 'Figures of the last minutes or hours, step by step',
  description:
    'Of this gateway. Up to 300 seconds come by the second, up to an hour in steps of 15 ' +
    'seconds, and up to a day in steps of 3 minutes. A crash loses at most the last minute.',
  request: { query },
  responses: {
    200: answer('The complete steps until now.', historySchema, {
      from: '2026-01-31T11:59:00.000Z',
      step_seconds: 1,
      received: [480, 502],
      stored: [480, 500],
      dead_lettered: [0, 2],
      texts_embedded: [31, 12],
      lag: [0, 0],
      latency_ms: { p50: [41.2, 40.1], p95: [90, 88.5], p99: [120, 119] },
      last_minute: { p50: 41.2, p95: 90, p99: 120 },
    }),
  },
});

export function historyRoutes(app: OpenAPIHono<AppEnv>, { history, clock }: Services): void {
  app.openapi(historyRoute, (c) => {
    const { from, stepMs, steps } = history.last(c.req.valid('query').seconds, clock.now());
    const each = <T>(value: (step: Step) => T) => steps.map((step) => step && value(step));
    return c.json(
      {
        from: new Date(from).toISOString(),
        step_seconds: stepMs / 1000,
        received: each(({ received }) => received),
        stored: each(({ stored }) => stored),
        dead_lettered: each(({ deadLettered }) => deadLettered),
        texts_embedded: each(({ embedded }) => embedded),
        lag: each(({ lag }) => lag),
        latency_ms: {
          p50: each(({ latency }) => latency?.p50 ?? null),
          p95: each(({ latency }) => latency?.p95 ?? null),
          p99: each(({ latency }) => latency?.p99 ?? null),
        },
        last_minute: history.lastMinute(),
      },
      200,
    );
  });
}
