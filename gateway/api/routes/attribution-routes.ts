// GET /stats/attribution: how often recommended products were clicked and bought.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { placeGroups } from '#core/analysis/attribution.ts';
import { sources } from '#core/analysis/recommendation-scores.ts';
import { wilsonInterval } from '#core/analysis/wilson-interval.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { asOfSchema } from './hits.ts';
import { answer } from './schemas.ts';

const rateSchema = z
  .object({ rate: z.number(), interval_95: z.tuple([z.number(), z.number()]) })
  .nullable()
  .openapi('AttributionRate', {
    description: "A share of those shown, with Wilson's interval; null when none was shown.",
  });

const responseSchema = z
  .object({
    since: z.iso.datetime().openapi({ description: 'When this gateway started.' }),
    recommendations: z.array(
      z.object({
        source: z.enum(sources).openapi({ description: 'What chose the product.' }),
        place: z.enum(placeGroups).openapi({ description: 'Its place in the answer.' }),
        shown: z.int(),
        clicked: z.int(),
        purchased: z.int(),
        click_rate: rateSchema,
        purchase_rate: rateSchema,
      }),
    ),
    unknown_events: z.int().openapi({
      description:
        'Events with the recommendation_id of an answer that this gateway does not remember: of ' +
        'another gateway, of before its start, or older than its newest 5,000 answers.',
    }),
    as_of: asOfSchema,
  })
  .openapi('Attribution', {
    example: {
      since: '2026-01-31T08:00:00.000Z',
      recommendations: [
        {
          source: 'sessions',
          place: '1',
          shown: 400,
          clicked: 60,
          purchased: 8,
          click_rate: { rate: 0.15, interval_95: [0.118, 0.188] },
          purchase_rate: { rate: 0.02, interval_95: [0.01, 0.039] },
        },
      ],
      unknown_events: 3,
      as_of: '2026-01-31T12:00:00.000Z',
    },
  });
export type AttributionView = z.output<typeof responseSchema>;

const route = createRoute({
  method: 'get',
  path: '/stats/attribution',
  summary: 'What came of recommendations',
  description:
    'Counted by this gateway since it started, from events with a recommendation_id: a view is a ' +
    'click. Each product of an answer counts once. See docs/analysis.md.',
  responses: { 200: answer('One row for each source and place.', responseSchema) },
});

export function attributionRoute(
  app: OpenAPIHono<AppEnv>,
  { telemetry, clock, startedAt }: Services,
): void {
  app.openapi(route, (c) => {
    const { attribution } = telemetry.recommendations;
    return c.json(
      {
        since: new Date(startedAt).toISOString(),
        recommendations: attribution.rows().map((row) => ({
          ...row,
          click_rate: rateOf(row.clicked, row.shown),
          purchase_rate: rateOf(row.purchased, row.shown),
        })),
        unknown_events: attribution.unknownEvents,
        as_of: new Date(clock.now()).toISOString(),
      },
      200,
    );
  });
}

function rateOf(count: number, shown: number): z.output<typeof rateSchema> {
  if (shown === 0) return null;
  const [low, high] = wilsonInterval(count, shown);
  return { rate: count / shown, interval_95: [low, high] };
}
