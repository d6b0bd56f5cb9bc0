// GET /stats/attribution: how often recommended and found products were clicked and bought.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { type Attribution, placeGroups } from '#core/analysis/attribution.ts';
import { sources } from '#core/analysis/recommendation-scores.ts';
import { wilsonInterval } from '#core/analysis/wilson-interval.ts';
import { hitSources } from '../../telemetry/metrics/attribution-series.ts';
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

const countsSchema = z.object({
  place: z.enum(placeGroups).openapi({ description: 'Its place in the answer.' }),
  shown: z.int(),
  clicked: z.int(),
  purchased: z.int(),
  click_rate: rateSchema,
  purchase_rate: rateSchema,
});

const responseSchema = z
  .object({
    since: z.iso.datetime().openapi({ description: 'When this gateway started.' }),
    recommendations: z.array(
      countsSchema.extend({
        source: z.enum(sources).openapi({ description: 'What chose the product.' }),
      }),
    ),
    searches: z.array(
      countsSchema.extend({
        source: z.enum(hitSources).openapi({
          description: 'What found the product first; rule: only a rule of the shop.',
        }),
      }),
    ),
    unknown_events: z.int().openapi({
      description:
        'Events with the recommendation_id or query_id of an answer that this gateway does not ' +
        'remember: of another gateway, of before its start, or older than its newest 5,000 ' +
        'answers.',
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
      searches: [
        {
          source: 'words',
          place: '1',
          shown: 900,
          clicked: 270,
          purchased: 45,
          click_rate: { rate: 0.3, interval_95: [0.271, 0.331] },
          purchase_rate: { rate: 0.05, interval_95: [0.038, 0.066] },
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
  summary: 'What came of recommendations and searches',
  description:
    'Counted by this gateway since it started, from events with a recommendation_id or a ' +
    'query_id: a view is a click. Each product of an answer counts once. See docs/analysis.md.',
  responses: { 200: answer('One row for each source and place.', responseSchema) },
});

export function attributionRoute(
  app: OpenAPIHono<AppEnv>,
  { telemetry, clock, startedAt }: Services,
): void {
  app.openapi(route, (c) => {
    const { recommendations, searches } = telemetry.attribution;
    return c.json(
      {
        since: new Date(startedAt).toISOString(),
        recommendations: rowsOf(recommendations.attribution),
        searches: rowsOf(searches.attribution),
        unknown_events:
          recommendations.attribution.unknownEvents + searches.attribution.unknownEvents,
        as_of: new Date(clock.now()).toISOString(),
      },
      200,
    );
  });
}

const rowsOf = <Source extends string>(attribution: Attribution<Source>) =>
  attribution.rows().map((row) => ({
    ...row,
    click_rate: rateOf(row.clicked, row.shown),
    purchase_rate: rateOf(row.purchased, row.shown),
  }));

function rateOf(count: number, shown: number): z.output<typeof rateSchema> {
  if (shown === 0) return null;
  const [low, high] = wilsonInterval(count, shown);
  return { rate: count / shown, interval_95: [low, high] };
}
