// POST /search: the texts nearest in meaning to a query, each with its product and the events that match the filter.
import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { eventTypes } from '#core/ports.ts';
import { normaliseText } from '#core/text.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { answer, filterOf, filterSchema, problem, productOf, productSchema, storedEvent, storedEventSchema } from './schemas.ts';

const requestSchema = z.strictObject({
  query: z.string().max(2000).refine((query) => normaliseText(query) !== '', 'is empty: say what to look for'),
  limit: z.int().min(1).max(100).default(10),
  filter: filterSchema.default({}),
}).openapi('SearchRequest', { example: { query: 'warm winter jacket', limit: 5, filter: { event_type: ['view', 'purchase'], price_max: 120 } } });

const hitSchema = z.object({
  score: z.number().openapi({ description: 'Cosine similarity, -1 to 1.' }),
  text_id: z.string(),
  text: z.string(),
  product: productSchema.nullable().openapi({ description: 'null for a search query (only when filter.event_type includes search).' }),
  events: z.object({ total: z.int(), by_type: z.partialRecord(z.enum(eventTypes), z.int()) }).openapi({ description: 'Matching events.' }),
  newest: storedEventSchema,
}).openapi('SearchHit');

const responseSchema = z.object({
  hits: z.array(hitSchema).openapi({ description: 'By score, then newest event, then id.' }),
  took_ms: z.number(),
  as_of: z.iso.datetime().openapi({ description: 'Events applied before this moment were searched.' }),
}).openapi('SearchResponse');

const route = createRoute({
  method: 'post',
  path: '/search',
  summary: 'Search by meaning',
  request: { body: { required: true, content: { 'application/json': { schema: requestSchema } } } },
  responses: {
    200: answer('Distinct texts by score.', responseSchema),
    422: problem('The request is JSON but not a search.'),
    503: problem('No runner could embed the query in time; `reason` says why.'),
  },
});

export function searchRoute(app: OpenAPIHono<AppEnv>, { queries, store, clock }: Services): void {
  app.openapi(route, async (c) => {
    const startedAt = clock.monotonic();
    const { query, limit, filter } = c.req.valid('json');
    const eventFilter = filterOf(filter);
    const vector = await queries.vector(normaliseText(query), c.req.raw.signal);
    const asOf = new Date(clock.now()).toISOString();
    const hits = await store.search({ vector, limit, filter: eventFilter });
    return c.json({
      hits: hits.map((hit) => ({
        score: hit.score,
        text_id: hit.textId,
        text: hit.text,
        product: productOf(hit.product),
        events: { total: hit.events.total, by_type: hit.events.byType },
        newest: storedEvent(hit.newest),
      })),
      took_ms: Math.round((clock.monotonic() - startedAt) * 100) / 100,
      as_of: asOf,
    }, 200);
  });
}
