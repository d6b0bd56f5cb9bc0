// GET /trends: what rises against its own baseline, and which searches find no product.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { Rising } from '#core/analysis/rising.ts';
import { findTrends, type RisingText, type Span, spansOf } from '#core/analysis/trends.ts';
import {
  findUnmetDemand,
  nearestProductIn,
  type NearestProduct,
  type UnmetDemand,
} from '#core/analysis/unmet-demand.ts';
import type { SearchHit } from '#core/ports.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { SharedAnswers } from '../shared-answers.ts';
import { asOfSchema } from './hits.ts';
import {
  answer,
  exampleProduct,
  exampleStoredEvent,
  instant,
  millisecondsOf,
  productOf,
  productSchema,
} from './schemas.ts';

/**
 * An equal request within this time gets the same answer. Analyses share one database reader, which
 * searches do not use.
 */
const answerBounds = { ageMsMax: 15_000, keptMax: 32, atOnceMax: 4 };
/** Bounds of the nearest product of a query, which changes slowly and costs a search. */
const nearestBounds = { ageMsMax: 600_000, keptMax: 2_000, atOnceMax: 4 };

const risingFields = {
  count: z.int().openapi({ description: 'Events in the window.' }),
  baseline_count: z.int().openapi({ description: 'Events in the baseline.' }),
  expected: z
    .number()
    .openapi({ description: 'Events in the window if its share were that of the baseline.' }),
  growth: z.number().openapi({ description: '(count + 5) / (expected + 5)' }),
  score: z
    .number()
    .openapi({ description: 'Log-likelihood ratio G²: how unlikely this is by chance.' }),
};
const exampleRising = {
  count: 240,
  baseline_count: 310,
  expected: 44.3,
  growth: 4.97,
  score: 391.2,
};
const spanSchema = z.object({ since: z.iso.datetime(), until: z.iso.datetime(), events: z.int() });

const productTrendSchema = z
  .object({
    text_id: z.string(),
    text: z.string(),
    product: productSchema.nullable(),
    ...risingFields,
  })
  .openapi('ProductTrend', {
    example: {
      text_id: exampleStoredEvent.text_id,
      text: 'Enamel kettle, Kitchen: Red, 2 litres',
      product: exampleProduct,
      ...exampleRising,
    },
  });
const categoryTrendSchema = z
  .object({ category: z.string(), ...risingFields })
  .openapi('CategoryTrend', { example: { category: 'Kitchen', ...exampleRising } });
const queryTrendSchema = z
  .object({ text_id: z.string(), query: z.string(), ...risingFields })
  .openapi('QueryTrend', {
    example: { text_id: exampleStoredEvent.text_id, query: 'kettle', ...exampleRising },
  });
const exampleDemand = {
  label: 'sourdough starter',
  count: 31,
  query_count: 4,
  queries: [
    {
      text_id: exampleStoredEvent.text_id,
      query: 'sourdough starter',
      count: 17,
      nearest: { score: 0.29, text_id: exampleStoredEvent.text_id, product: exampleProduct },
    },
  ],
};
const demandSchema = z
  .object({
    label: z.string().openapi({ description: 'Its most frequent query.' }),
    count: z.int().openapi({ description: 'Searches in the window.' }),
    query_count: z.int().openapi({ description: 'Different queries.' }),
    queries: z
      .array(
        z.object({
          text_id: z.string(),
          query: z.string(),
          count: z.int(),
          nearest: z
            .object({ score: z.number(), text_id: z.string(), product: productSchema.nullable() })
            .nullable(),
        }),
      )
      .openapi({ description: 'Up to five queries, each with its nearest product.' }),
  })
  .openapi('UnmetDemand', { example: exampleDemand });

const responseSchema = z
  .object({
    window: spanSchema,
    baseline: spanSchema,
    products: z.array(productTrendSchema),
    categories: z.array(categoryTrendSchema),
    queries: z.array(queryTrendSchema),
    unmet_demand: z.array(demandSchema),
    reason: z.enum(['no_events', 'no_baseline']).nullable().openapi({
      description: 'Why nothing can rise: there is no event in the window, or none before it.',
    }),
    took_ms: z.number(),
    as_of: asOfSchema,
  })
  .openapi('Trends', {
    example: {
      window: {
        since: '2026-01-31T11:00:00.000Z',
        until: '2026-01-31T12:00:00.000Z',
        events: 4210,
      },
      baseline: {
        since: '2026-01-31T04:00:00.000Z',
        until: '2026-01-31T11:00:00.000Z',
        events: 29_470,
      },
      products: [
        {
          text_id: exampleStoredEvent.text_id,
          text: 'Enamel kettle, Kitchen: Red, 2 litres',
          product: exampleProduct,
          ...exampleRising,
        },
      ],
      categories: [{ category: 'Kitchen', ...exampleRising }],
      queries: [{ text_id: exampleStoredEvent.text_id, query: 'kettle', ...exampleRising }],
      unmet_demand: [exampleDemand],
      reason: null,
      took_ms: 12.4,
      as_of: '2026-01-31T12:00:00.000Z',
    },
  });

const querySchema = z.strictObject({
  window_minutes: z.coerce
    .number()
    .int()
    .min(1)
    .max(1440)
    .default(60)
    .openapi({ description: 'A minute to a day.' }),
  baseline_windows: z.coerce.number().int().min(1).max(28).default(7).openapi({
    description: 'Length of the baseline in windows; it ends where the window begins.',
  }),
  until: instant.optional().openapi({ description: 'The end of the window; now if it is absent.' }),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(10)
    .openapi({ description: 'The most items of each kind.' }),
  min_count: z.coerce
    .number()
    .int()
    .min(2)
    .max(1_000_000)
    .default(5)
    .openapi({ description: 'Fewest events in the window that make a trend.' }),
  match_min: z.coerce
    .number()
    .min(0.01)
    .max(1)
    .default(0.4)
    .openapi({ description: 'A query whose nearest product is less similar has no match.' }),
});

export type TrendQuery = Partial<z.output<typeof querySchema>>;
export type Trends = z.output<typeof responseSchema>;

const route = createRoute({
  method: 'get',
  path: '/trends',
  summary: 'What rises, and which searches find no product',
  description:
    'Products, categories and queries whose share of events is larger than before, beyond ' +
    'chance; ' +
    'and clusters of queries without a matching product. All by event time. ' +
    'See docs/analysis.md for the formulas.',
  request: { query: querySchema },
  responses: { 200: answer('The most surprising first.', responseSchema) },
});

export function trendRoute(app: OpenAPIHono<AppEnv>, { store, clock, eventTypes }: Services): void {
  const answers = new SharedAnswers<z.infer<typeof responseSchema>>({ clock, ...answerBounds });
  const nearest = new SharedAnswers<SearchHit | null>({ clock, ...nearestBounds });
  const inStore = nearestProductIn(store);
  const nearestProduct: NearestProduct = (searched) =>
    nearest.get(searched.textId, () => inStore(searched));

  app.openapi(route, async (c) => {
    const query = c.req.valid('query');
    const compute = async (): Promise<z.infer<typeof responseSchema>> => {
      const startedAt = clock.monotonic();
      const now = clock.now();
      const { window, baseline } = spansOf(
        millisecondsOf(query.until) ?? now,
        query.window_minutes * 60_000,
        query.baseline_windows,
      );
      const bounds = { limit: query.limit, countMin: query.min_count };
      const [trends, demand] = await Promise.all([
        findTrends(store, { window, baseline, ...bounds }, eventTypes),
        findUnmetDemand(store, nearestProduct, { window, matchMin: query.match_min, ...bounds }),
      ]);
      return {
        window: spanOf(window, trends.totals.count),
        baseline: spanOf(baseline, trends.totals.before),
        products: trends.products.map((entry) => ({
          ...textOf(entry),
          text: entry.text.text,
          product: productOf(entry.text.product),
        })),
        categories: trends.categories.map((entry) => ({
          category: entry.value,
          ...risingOf(entry),
        })),
        queries: trends.queries.map((entry) => ({ ...textOf(entry), query: entry.text.text })),
        unmet_demand: demand.map(demandOf),
        reason:
          trends.totals.count === 0
            ? 'no_events'
            : trends.totals.before === 0
              ? 'no_baseline'
              : null,
        took_ms: Math.round((clock.monotonic() - startedAt) * 100) / 100,
        as_of: new Date(now).toISOString(),
      };
    };
    return c.json(await answers.get(JSON.stringify(query), compute), 200);
  });
}

const risingOf = ({ count, before, expected, growth, score }: Rising) => ({
  count,
  baseline_count: before,
  expected,
  growth,
  score,
});

const textOf = (entry: RisingText) => ({ text_id: entry.value, ...risingOf(entry) });

const spanOf = ({ since, until }: Span, events: number) => ({
  since: new Date(since).toISOString(),
  until: new Date(until).toISOString(),
  events,
});

function demandOf({ count, queryCount, queries }: UnmetDemand): z.infer<typeof demandSchema> {
  return {
    label: queries[0]?.text ?? '',
    count,
    query_count: queryCount,
    queries: queries.map(({ textId, text, count: searches, nearest }) => ({
      text_id: textId,
      query: text,
      count: searches,
      nearest:
        nearest === null
          ? null
          : { score: nearest.score, text_id: nearest.textId, product: productOf(nearest.product) },
    })),
  };
}
