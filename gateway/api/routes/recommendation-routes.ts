// POST /recommendations and GET /users/{id}/recommendations: products for a visitor, each with what
// led to it.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { causesOf } from '#core/analysis/interests.ts';
import { createPopularity } from '#core/analysis/product-counts.ts';
import type { Recommendation } from '#core/analysis/recommendation-scores.ts';
import type { RecommenderSettings } from '#core/analysis/recommender-settings.ts';
import { createRecommender, type Recommendations as Found } from '#core/analysis/recommender.ts';
import type { VisitorRef } from '#core/analysis/visitor.ts';
import type { SearchHit, VectorStore } from '#core/ports.ts';
import { asListedItems } from '#core/vectors/shop/catalogue-hits.ts';
import type { Config } from '../../config/config.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { hitOf } from './hits.ts';
import { countMin, mayRead, refusePrivateVisitor } from './public-answers.ts';
import {
  type Recommendations,
  requestSchema,
  responseSchema,
  userResponseSchema,
  type VisitorRecommendations,
} from './recommendation-schemas.ts';
import { relatedRoute } from './related-routes.ts';
import { answer, filterOf } from './schemas.ts';

export type { Recommendations, VisitorRecommendations } from './recommendation-schemas.ts';

const halfLifeHours = 72;
const hour = 3_600_000;
const causesMax = 3;

const querySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(10),
  half_life_hours: z.coerce
    .number()
    .min(0.01)
    .max(87_600)
    .default(halfLifeHours)
    .openapi({ description: 'Age at which an event counts half in because.' }),
});
export type RecommendationQuery = Partial<z.output<typeof querySchema>>;

const description =
  'Products that similar sessions touched come first, then those near in meaning, then popular ' +
  'ones; the last places are kept for products with few events. See docs/analysis.md for the ' +
  'formula.';

const visitorRoute = createRoute({
  method: 'post',
  path: '/recommendations',
  summary: 'Products for a basket, a session or a user',
  description,
  request: {
    body: { content: { 'application/json': { schema: requestSchema } }, required: true },
  },
  responses: {
    200: answer('An unknown visitor gets popular products, and the reason.', responseSchema),
  },
});

const userRoute = createRoute({
  method: 'get',
  path: '/users/{id}/recommendations',
  summary: 'Products for a user',
  description: `${description} Products that the user bought are left out.`,
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
    200: answer('An unknown user gets popular products, and the reason.', userResponseSchema),
  },
});

export function recommendationRoutes(app: OpenAPIHono<AppEnv>, services: Services): void {
  const { store, clock, config, eventTypes } = services;
  const popularity = createPopularity(store, clock, eventTypes);
  const recommend = createRecommender(
    store,
    popularity,
    () => recommenderSettingsOf(config.recommendations),
    eventTypes,
  );
  relatedRoute(app, services, popularity);
  const shown = (items: readonly Recommendation[]): string =>
    services.telemetry.attribution.recommendations.shown(
      items.map(({ product, sources: [source = 'popular'] }) => ({
        productId: product.id,
        source,
      })),
    );

  app.openapi(visitorRoute, async (c) => {
    const request = c.req.valid('json');
    const isReader = mayRead(c);
    if (!isReader) refusePrivateVisitor(request);
    const asOf = new Date(clock.now()).toISOString();
    const {
      items: chosen,
      reason,
      visitor,
    } = await recommend({
      visitor: visitorOf(request),
      limit: request.limit,
      filter: filterOf(request.filter, eventTypes, 'filter.'),
      exceptProductIds: request.exclude_product_ids,
      diversity: request.diversity,
      interestHalfLifeMs: halfLifeHours * hour,
      sessionsMin: isReader ? 1 : countMin,
    });
    const items = await asListedItems(store.catalogue, chosen);
    return c.json(
      {
        items: items.map(isReader ? itemOf : publicItemOf),
        recommendation_id: shown(items),
        reason,
        events_used: visitor.eventsUsed,
        as_of: asOf,
      },
      200,
    );
  });

  app.openapi(userRoute, async (c) => {
    const { id } = c.req.valid('param');
    const { limit, half_life_hours: hours } = c.req.valid('query');
    const asOf = new Date(clock.now()).toISOString();
    const found = await recommend({
      visitor: { userId: id },
      limit,
      filter: {},
      exceptProductIds: [],
      diversity: 0,
      interestHalfLifeMs: hours * hour,
      sessionsMin: 1,
    });
    const items = await asListedItems(store.catalogue, found.items);
    return c.json(
      {
        user_id: id,
        items: await userItemsOf(store, { ...found, items }),
        recommendation_id: shown(items),
        reason: found.reason,
        events_used: found.visitor.eventsUsed,
        as_of: asOf,
      },
      200,
    );
  });
}

export function recommenderSettingsOf(section: Config['recommendations']): RecommenderSettings {
  const { productsMax, touchesPerProduct, sessionsMax, touchesPerSession, newEventsMax } = section;
  return {
    productsMax,
    touchesPerProduct,
    sessionsMax,
    touchesPerSession,
    newEventsMax,
    fadingShare: section.fadingPercent / 100,
    halfLifeMs: section.halfLifeDays * 24 * hour,
    rarity: section.rarityPercent / 100,
    meaningWeight: section.meaningPercent / 100,
    newShare: section.newPercent / 100,
    newAgeMs: section.newDays * 24 * hour,
  };
}

function visitorOf({
  product_ids: productIds,
  session_id: sessionId,
  user_id: userId,
}: z.output<typeof requestSchema>): VisitorRef {
  if (productIds !== undefined) return { productIds };
  return sessionId === undefined ? { userId: userId ?? '' } : { sessionId };
}

function itemOf(item: Recommendation): VisitorRecommendations['items'][number] {
  const { product, textId, score, sources, isSeen, because } = item;
  const { similarity, events } = because;
  return {
    product,
    text_id: textId,
    score,
    sources: [...sources],
    because: { sessions: neighboursOf(item), similarity, events },
    seen: isSeen,
  };
}

/** Fewer sessions than `countMin` have chosen nothing. */
function publicItemOf(item: Recommendation): VisitorRecommendations['items'][number] {
  const { seen: _, because, ...shown } = itemOf(item);
  const events = (because.events ?? 0) < countMin ? null : because.events;
  return { ...shown, because: { ...because, events } };
}

function neighboursOf({
  because: { sessions },
}: Recommendation): Recommendations['items'][number]['neighbours'] {
  if (sessions === null) return null;
  const { id, name } = sessions.ledBy;
  return { count: sessions.count, product: { id, name } };
}

/** The items with their events and causes, which need more reads: three round trips on Qdrant. */
async function userItemsOf(
  store: VectorStore,
  { items, visitor: { interests } }: Found,
): Promise<Recommendations['items']> {
  const vectors = await store.vectors([
    ...new Set([...items, ...interests].map(({ textId }) => textId)),
  ]);
  const textIds = items.map(({ textId }) => textId).filter((id) => vectors.has(id));
  const first = vectors.get(textIds[0] ?? '');
  if (first === undefined) return [];
  const hits = new Map(
    (await store.search({ vector: first, limit: textIds.length, filter: { textIds } })).map(
      (hit): [string, SearchHit] => [hit.textId, hit],
    ),
  );
  return items.flatMap((item) => {
    const hit = hits.get(item.textId);
    const vector = vectors.get(item.textId);
    if (hit === undefined || vector === undefined) return [];
    return [
      {
        ...hitOf(hit),
        product: item.product,
        score: item.score,
        seen: item.isSeen,
        sources: [...item.sources],
        neighbours: neighboursOf(item),
        because: causesOf(vector, interests, vectors, causesMax).map(
          ({ interest, similarity }) => ({
            event_id: interest.eventId,
            event_type: interest.eventType,
            timestamp: new Date(interest.timestamp).toISOString(),
            product:
              interest.product === null
                ? null
                : { id: interest.product.id, name: interest.product.name },
            search_query: interest.searchQuery,
            weight: interest.weight,
            similarity,
          }),
        ),
      },
    ];
  });
}
