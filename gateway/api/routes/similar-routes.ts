// GET /products/{id}/similar: products whose texts are similar to that of this one.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { recommend } from '#core/analysis/search-by-examples.ts';
import type { EventTypes } from '#core/event/event-types.ts';
import type { VectorStore } from '#core/ports.ts';
import { asListed } from '#core/vectors/shop/catalogue-hits.ts';
import { ProblemError } from '../../http/problem-document.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { asOfSchema, exampleHit, hitOf, hitSchema } from './hits.ts';
import { mayRead, publicHitOf, refusePrivateFilters } from './public-answers.ts';
import {
  answer,
  exampleStoredEvent,
  filterOf,
  filterQueryFields,
  problem,
  productParams,
} from './schemas.ts';

/** Extra hits to fetch, because the product itself may be among them with several texts. */
const ownTextsMax = 20;

const responseSchema = z
  .object({
    product_id: z.string(),
    text_id: z.string().openapi({
      description: 'The newest text of this product, with which the others are compared.',
    }),
    items: z.array(hitSchema),
    as_of: asOfSchema,
  })
  .openapi('SimilarProducts', {
    example: {
      product_id: 'p-1042',
      text_id: exampleStoredEvent.text_id,
      items: [exampleHit],
      as_of: '2026-01-31T12:00:01.000Z',
    },
  });

const querySchema = z.strictObject({
  ...filterQueryFields,
  limit: z.coerce.number().int().min(1).max(100).default(10),
});
export type SimilarQuery = Partial<z.output<typeof querySchema>>;
export type SimilarProducts = z.output<typeof responseSchema>;

const route = createRoute({
  method: 'get',
  path: '/products/{id}/similar',
  summary: 'Products like this one',
  description:
    'The nearest products by cosine of their texts, without this product. Filters apply to the ' +
    'events of the similar products. See docs/analysis.md.',
  request: {
    params: productParams,
    query: querySchema,
  },
  responses: {
    200: answer('By score, then newest event, then id.', responseSchema),
    404: problem('The product is not in the catalogue, and no event about it is stored.'),
  },
});

export function similarRoute(app: OpenAPIHono<AppEnv>, services: Services): void {
  const { store, clock, eventTypes } = services;
  app.openapi(route, async (c) => {
    const { id } = c.req.valid('param');
    const { limit, ...given } = c.req.valid('query');
    const isReader = mayRead(c);
    if (!isReader) refusePrivateFilters(given);
    const filter = filterOf(given, eventTypes);
    const asOf = new Date(clock.now()).toISOString();
    const textId = await newestTextOf(store, id, eventTypes);
    if (textId === null)
      throw new ProblemError({
        status: 404,
        code: 'product_not_found',
        detail:
          'The product is not in the catalogue, and no event about it is stored; it may still be ' +
          'in progress.',
      });
    const { hits, unknown } = await recommend(store, {
      liked: [textId],
      disliked: [],
      limit: limit + ownTextsMax,
      filter,
    });
    if (unknown.length > 0)
      throw new ProblemError({
        status: 503,
        code: 'vector_missing',
        detail: "This product's vector is being recomputed.",
        retryAfter: 5,
      });
    const found = await asListed(
      store.catalogue,
      hits.map((hit) => ({ hit })),
      { filter, brands: null, inStock: false, isByText: true },
    );
    const others = found
      .map(({ hit }) => hit)
      .filter(({ product }) => product?.id !== id)
      .slice(0, limit);
    const items = others.map(isReader ? hitOf : publicHitOf);
    return c.json({ product_id: id, text_id: textId, items, as_of: asOf }, 200);
  });
}

/** The text of a search event is its query, even when the event names a product. */
async function newestTextOf(
  store: VectorStore,
  productId: string,
  { names }: EventTypes,
): Promise<string | null> {
  const aboutProducts = names.filter((type) => type !== 'search');
  const [newest] = await store.events({ productId, eventTypes: aboutProducts }, 1);
  if (newest !== undefined) return newest.textId;
  return (await store.catalogue.entries([productId])).get(productId)?.textId ?? null;
}
