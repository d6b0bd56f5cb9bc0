// GET /users/{id}/recommendations: products for a user, each with the events that led to it.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { recommendToUser, type UserRecommendation } from '#core/analysis/recommend-to-user.ts';
import { eventTypes } from '#core/ports.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { asOfSchema, exampleHit, hitOf, hitSchema } from './hits.ts';
import { answer } from './schemas.ts';

const causeSchema = z
  .object({
    event_id: z.string(),
    event_type: z.enum(eventTypes),
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

const responseSchema = z
  .object({
    user_id: z.string(),
    items: z.array(
      hitSchema.extend({
        seen: z.boolean().openapi({
          description: 'Whether the user saw this product lately; such products come last.',
        }),
        because: z.array(causeSchema).openapi({
          description: 'Up to three events of the user, by weight × similarity, highest first.',
        }),
      }),
    ),
    reason: z
      .enum(['no_events', 'no_interest', 'nothing_left'])
      .nullable()
      .openapi({
        description:
          'Why there are no items: the user has no stored events; none of them shows interest; ' +
          'or ' +
          'every similar product was already bought.',
      }),
    events_used: z.int(),
    as_of: asOfSchema,
  })
  .openapi('Recommendations', {
    example: {
      user_id: 'u-7',
      reason: null,
      events_used: 24,
      as_of: '2026-01-31T12:00:01.000Z',
      items: [
        {
          ...exampleHit,
          seen: false,
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

const querySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(10),
  half_life_hours: z.coerce
    .number()
    .min(0.01)
    .max(87_600)
    .default(72)
    .openapi({ description: 'Age at which an event counts half.' }),
});
export type RecommendationQuery = Partial<z.output<typeof querySchema>>;
export type Recommendations = z.output<typeof responseSchema>;

const route = createRoute({
  method: 'get',
  path: '/users/{id}/recommendations',
  summary: 'Products for a user',
  description:
    "Computed from the user's 200 newest events, weighted by type and age; products that the " +
    'user ' +
    'bought are left out. See docs/analysis.md for the formula.',
  request: {
    params: z.object({
      id: z
        .string()
        .min(1)
        .max(256)
        .openapi({ description: 'user_id of an event.', example: 'u-7' }),
    }),
    query: querySchema,
  },
  responses: {
    200: answer('No items, and a reason, when there is nothing to recommend.', responseSchema),
  },
});

export function recommendationRoute(app: OpenAPIHono<AppEnv>, { store, clock }: Services): void {
  app.openapi(route, async (c) => {
    const { id } = c.req.valid('param');
    const { limit, half_life_hours: hours } = c.req.valid('query');
    const asOf = new Date(clock.now()).toISOString();
    const { items, eventsUsed, reason } = await recommendToUser(store, {
      userId: id,
      limit,
      halfLifeMs: hours * 3_600_000,
    });
    return c.json(
      { user_id: id, items: items.map(itemOf), reason, events_used: eventsUsed, as_of: asOf },
      200,
    );
  });
}

function itemOf({
  hit,
  isSeen,
  because,
}: UserRecommendation): z.infer<typeof responseSchema>['items'][number] {
  return {
    ...hitOf(hit),
    seen: isSeen,
    because: because.map(({ interest, similarity }) => ({
      event_id: interest.eventId,
      event_type: interest.eventType,
      timestamp: new Date(interest.timestamp).toISOString(),
      product: interest.product,
      search_query: interest.searchQuery,
      weight: interest.weight,
      similarity,
    })),
  };
}
