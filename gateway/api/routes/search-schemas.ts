// What POST /search takes and answers.

import { z } from '@hono/zod-openapi';
import { normaliseText } from '#core/event/text.ts';
import { hitOrders } from '#core/vectors/shop/hit-order.ts';
import { asOfSchema, exampleHit, hitSchema } from './hits.ts';
import { filterMembers, oneOrMore, storedEventSchema } from './schemas.ts';

/** No model has more dimensions. */
const dimensionsMax = 16_384;
const textIds = () => oneOrMore(z.uuid(), 'ids of texts, as text_id of a hit');

/** What to search by: exactly one of these. */
const searchedBy = ['query', 'vector', 'text_id'] as const;

const searchFilterSchema = z
  .strictObject({
    ...filterMembers,
    brand: oneOrMore(z.string().min(1).max(512), 'names of brands')
      .optional()
      .openapi({ description: 'Only products that the catalogue has with one of these brands.' }),
  })
  .openapi('SearchFilter');

export const searchRequestSchema = z
  .strictObject({
    query: z
      .string()
      .max(2000)
      .refine((query) => normaliseText(query) !== '', 'is empty: say what to look for')
      .optional()
      .openapi({ description: 'A text, which the fleet embeds.' }),
    mode: z
      .enum(['hybrid', 'meaning', 'words'])
      .optional()
      .openapi({
        description:
          'How a query finds products. By words: those of id, name, brand, category and ' +
          'description, in any spelling, with typing mistakes and an unfinished last word; this ' +
          'needs no runner. hybrid, the default for a query, is both, or words alone while no ' +
          'runner can embed it.',
      }),
    vector: z
      .array(z.number())
      .min(1)
      .max(dimensionsMax)
      .optional()
      .openapi({
        description:
          "A vector of the model's dimensions, such as POST /v1/embeddings returns. " +
          'It is scaled to length 1.',
      }),
    text_id: textIds()
      .optional()
      .openapi({ description: 'Texts to find similar ones to; they are not among the hits.' }),
    unlike_text_id: textIds()
      .optional()
      .openapi({ description: 'Only with text_id: texts that the hits should not resemble.' }),
    limit: z.int().min(1).max(100).default(10),
    filter: searchFilterSchema.default({}),
    score_threshold: z
      .number()
      .min(-1)
      .max(1)
      .optional()
      .openapi({
        description:
          'No hit by meaning has a lower cosine. The default of mode hybrid is where unrelated ' +
          'texts end with this model.',
      }),
    events_limit: z
      .int()
      .min(0)
      .max(10)
      .default(0)
      .openapi({
        description:
          'How many of the newest matching events come with each hit; ' +
          'GET /events?text_id=… returns all of them.',
      }),
    in_stock: z.boolean().default(false).openapi({
      description:
        'Leaves out products whose stock is 0 in the catalogue. Only with mode hybrid and words.',
    }),
    sort: z
      .enum(hitOrders)
      .optional()
      .openapi({
        description:
          'The order of the hits of mode hybrid and words, which are all that id, words and ' +
          'meaning have found, at most 100 by each. newest goes by the newest matching event, ' +
          'popularity by the number of matching events. The default is relevance. Without the ' +
          'scope read, newest is refused, and popularity leaves out counts below five.',
      }),
    facets: z
      .array(z.string().max(140))
      .min(1)
      .max(20)
      .optional()
      .openapi({
        description:
          'What to count the hits of mode hybrid and words by, those of all pages: category, ' +
          'brand, price, and attributes.NAME for each name in the setting search.facetAttributes.',
      }),
    cursor: z
      .string()
      .max(512)
      .optional()
      .openapi({
        description:
          'next_cursor of the previous page. Only limit and events_limit may differ from the ' +
          'request ' +
          'for that page.',
      }),
  })
  .refine(
    (request) => searchedBy.filter((name) => request[name] !== undefined).length === 1,
    'give exactly one of query, vector and text_id',
  )
  .refine(
    ({ text_id, unlike_text_id }) => unlike_text_id === undefined || text_id !== undefined,
    'unlike_text_id needs text_id',
  )
  .refine(
    ({ mode = 'meaning', query }) => mode === 'meaning' || query !== undefined,
    'mode hybrid and words need a query',
  )
  .refine(
    ({ mode, score_threshold: threshold }) => mode !== 'words' || threshold === undefined,
    'score_threshold is a cosine: mode words has none',
  )
  .refine(
    ({ mode = 'hybrid', query, sort, facets, in_stock: inStock }) =>
      (sort === undefined && facets === undefined && !inStock) ||
      (query !== undefined && mode !== 'meaning'),
    'sort, facets and in_stock need a query in mode hybrid or words',
  )
  // The first of these rules, in JSON Schema.
  .openapi('SearchRequest', {
    oneOf: searchedBy.map((name) => ({
      type: 'object' as const,
      properties: { [name]: {} },
      required: [name],
    })),
    example: {
      query: 'warm winter jacket',
      limit: 5,
      filter: { event_type: ['view', 'purchase'], price_max: 120 },
    },
  });

const facetValuesList = z
  .array(z.object({ value: z.string(), count: z.int() }).readonly())
  .readonly();
const facetValues = facetValuesList.optional();

const facetsSchema = z.object({
  category: facetValues.openapi({ description: 'By count, then name; at most 100.' }),
  brand: facetValues.openapi({ description: 'Of products of the catalogue; as categories.' }),
  price: z
    .array(z.object({ min: z.number(), max: z.number(), count: z.int() }).readonly())
    .readonly()
    .optional()
    .openapi({
      description:
        'Steps that end at 1, 2, 5, 10, 20, 50 and so on, each with the lowest and the highest ' +
        'price found in it: as price_min and price_max, they find its products.',
    }),
  attributes: z
    .record(z.string(), facetValuesList)
    .readonly()
    .optional()
    .openapi({ description: 'By name, each as categories; of products of the catalogue.' }),
});

export const searchResponseSchema = z
  .object({
    hits: z
      .array(
        hitSchema.extend({
          matching: z
            .array(storedEventSchema)
            .optional()
            .openapi({ description: 'Only with events_limit; newest first.' }),
          matched: z
            .array(z.enum(['id', 'words', 'meaning']))
            .optional()
            .openapi({
              description:
                'What has found the hit; nothing, when the shop has put it there. Only with mode ' +
                'hybrid and words.',
            }),
        }),
      )
      .openapi({
        description:
          'By score, then newest event, then id. With mode hybrid and words, the score tells the ' +
          'rank, from 1 for the id or the whole name of a product down to 0, and texts of one ' +
          'product are one hit.',
      }),
    next_cursor: z
      .string()
      .nullable()
      .openapi({
        description:
          'null after the last hit, and after 10,000 hits; with mode hybrid and words, after the ' +
          'first 100 hits by each.',
      }),
    facets: facetsSchema.optional().openapi({ description: 'Only when the request has facets.' }),
    fallback_reason: z
      .string()
      .optional()
      .openapi({
        description:
          'Why mode hybrid has answered by words alone: no_runner, runners_busy or another code ' +
          'of an error. Absent when it has not.',
      }),
    query_id: z.uuid().openapi({ description: 'Identifies this answer.' }),
    took_ms: z.number(),
    as_of: asOfSchema,
  })
  .openapi('SearchResponse', {
    example: {
      hits: [exampleHit],
      next_cursor: null,
      query_id: '7d0c2b54-6d3e-4b8a-9f1c-3f2f0f6f0c11',
      took_ms: 12.4,
      as_of: '2026-01-31T12:00:01.000Z',
    },
  });

export type SearchRequest = z.input<typeof searchRequestSchema>;
export type SearchResponse = z.output<typeof searchResponseSchema>;
