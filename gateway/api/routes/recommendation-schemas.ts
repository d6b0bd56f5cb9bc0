// The shapes of recommendations: what is asked, and what each product comes with.

import { z } from '@hono/zod-openapi';
import { sources } from '#core/analysis/recommendation-scores.ts';
import { reasons } from '#core/analysis/recommender.ts';
import { asOfSchema, exampleHit, hitSchema } from './hits.ts';
import { eventType, exampleProduct, filterSchema, productSchema } from './schemas.ts';

const id = () => z.string().min(1).max(256);

const visitors = ['product_ids', 'session_id', 'user_id'] as const;

export const requestSchema = z
  .strictObject({
    product_ids: z
      .array(id())
      .min(1)
      .max(100)
      .optional()
      .openapi({ description: 'The products of an open basket in order of touch, newest last.' }),
    session_id: id()
      .optional()
      .openapi({
        description:
          'A key without the scope read needs one that nobody can guess: 16 or more random ' +
          'characters, or a UUID of version 4 or 7.',
      }),
    user_id: id().optional().openapi({ description: 'Needs the scope read.' }),
    limit: z.int().min(1).max(100).default(10),
    filter: filterSchema.default({}),
    exclude_product_ids: z.array(id()).max(1000).default([]),
    diversity: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .openapi({
        description:
          'How far a product makes place for others that are unlike those before it: 0 not at ' +
          'all, 1 whatever their score.',
      }),
  })
  .refine(
    (request) => visitors.filter((name) => request[name] !== undefined).length === 1,
    'give exactly one of product_ids, session_id and user_id',
  )
  // The same rule in JSON Schema.
  .openapi('RecommendationRequest', {
    oneOf: visitors.map((name) => ({
      type: 'object' as const,
      properties: { [name]: {} },
      required: [name],
    })),
    example: { product_ids: ['p-1042', 'p-77'], limit: 5, filter: { price_max: 120 } },
  });

const sourcesSchema = z.array(z.enum(sources)).openapi({
  description:
    'sessions: similar sessions touched it; meaning: its text is near what the visitor touched; ' +
    'popular: many visitors touched it.',
});

const becauseSchema = z
  .object({
    sessions: z
      .object({
        count: z.int().openapi({
          description:
            'How many of the similar sessions touched it. For a key without the scope read, ' +
            'fewer than 5 choose nothing.',
        }),
        product: z
          .object({ id: z.string(), name: z.string() })
          .openapi({ description: "The visitor's product that led to most of them." }),
      })
      .nullable(),
    similarity: z
      .number()
      .nullable()
      .openapi({ description: "Cosine to the mean of the visitor's newest texts." }),
    events: z
      .int()
      .nullable()
      .openapi({ description: 'Its number of events, where popularity chose it.' }),
  })
  .openapi('RecommendationReasons');

const exampleBecause = {
  sessions: { count: 34, product: { id: 'p-77', name: 'Steel kettle' } },
  similarity: 0.83,
  events: null,
};

const score = z.number().openapi({ description: 'Comparable within one answer.' });

const reason = z
  .enum(reasons)
  .nullable()
  .openapi({
    description:
      "Why the visitor's behaviour decided nothing (no_events: none is stored; no_interest: none " +
      'shows interest), so that the items are popular ones; or why there are no items ' +
      '(nothing_left: every product is excluded). null otherwise.',
  });

export const responseSchema = z
  .object({
    items: z.array(
      z.object({
        product: productSchema,
        text_id: z.string(),
        score,
        sources: sourcesSchema,
        because: becauseSchema,
        seen: z.boolean().optional().openapi({
          description:
            'Whether the visitor met this product lately; not for a key without the scope read.',
        }),
      }),
    ),
    recommendation_id: z.uuid().openapi({ description: 'Identifies this answer.' }),
    reason,
    events_used: z.int().openapi({ description: "How many of the visitor's events were read." }),
    as_of: asOfSchema,
  })
  .openapi('RecommendationsForVisitor', {
    example: {
      items: [
        {
          product: exampleProduct,
          text_id: exampleHit.text_id,
          score: 1.17,
          sources: ['sessions', 'meaning'],
          because: exampleBecause,
          seen: false,
        },
      ],
      recommendation_id: '7d0c2b54-6d3e-4b8a-9f1c-3f2f0f6f0c11',
      reason: null,
      events_used: 2,
      as_of: '2026-01-31T12:00:01.000Z',
    },
  });

const causeSchema = z
  .object({
    event_id: z.string(),
    event_type: eventType,
    timestamp: z.iso.datetime(),
    product: z.object({ id: z.string(), name: z.string() }).nullable(),
    search_query: z.string().nullable(),
    weight: z
      .number()
      .openapi({ description: "The event's weight: by type, halved with every half-life of age." }),
    similarity: z
      .number()
      .openapi({ description: "Cosine of the event's text and the recommended product." }),
  })
  .openapi('RecommendationCause');

export const userResponseSchema = z
  .object({
    user_id: z.string(),
    items: z.array(
      hitSchema.extend({
        score,
        seen: z.boolean().openapi({
          description: 'Whether the user saw this product lately; such products come last.',
        }),
        sources: sourcesSchema,
        neighbours: becauseSchema.shape.sessions,
        because: z.array(causeSchema).openapi({
          description: 'Up to three events of the user, by weight × similarity, highest first.',
        }),
      }),
    ),
    recommendation_id: z.uuid(),
    reason,
    events_used: z.int(),
    as_of: asOfSchema,
  })
  .openapi('Recommendations', {
    example: {
      user_id: 'u-7',
      recommendation_id: '7d0c2b54-6d3e-4b8a-9f1c-3f2f0f6f0c11',
      reason: null,
      events_used: 24,
      as_of: '2026-01-31T12:00:01.000Z',
      items: [
        {
          ...exampleHit,
          seen: false,
          sources: ['sessions', 'meaning'],
          neighbours: exampleBecause.sessions,
          because: [
            {
              event_id: 'e-9',
              event_type: 'add_to_cart',
              timestamp: '2026-01-30T18:00:00.000Z',
              product: { id: 'p-77', name: 'Steel kettle' },
              search_query: null,
              weight: 2.71,
              similarity: 0.83,
            },
          ],
        },
      ],
    },
  });

export type RecommendationRequest = z.input<typeof requestSchema>;
export type VisitorRecommendations = z.output<typeof responseSchema>;
export type Recommendations = z.output<typeof userResponseSchema>;
