// GET /products/{id}/related: products that sessions connect with this one.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { Popularity } from '#core/analysis/product-counts.ts';
import { relatedKinds, relatedProducts } from '#core/analysis/related.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { asOfSchema, exampleHit } from './hits.ts';
import { countMin, mayRead } from './public-answers.ts';
import { answer, exampleProduct, productParams, productSchema } from './schemas.ts';

const responseSchema = z
  .object({
    product_id: z.string(),
    kind: z.enum(relatedKinds),
    items: z.array(
      z.object({
        product: productSchema,
        text_id: z.string(),
        count: z.int().openapi({
          description:
            'In how many of the sessions it occurs. A key without the scope read sees none ' +
            'below 5.',
        }),
        lift: z.number().openapi({
          description:
            'How many times as large its share of the events in these sessions is as its share ' +
            'of all.',
        }),
        score: z.number().openapi({
          description: 'Log-likelihood ratio: the higher it is, the less likely is chance.',
        }),
      }),
    ),
    sessions: z.int().openapi({ description: 'How many of its newest sessions were read.' }),
    reason: z
      .enum(['no_sessions', 'no_connection'])
      .nullable()
      .openapi({
        description:
          'Why there are no items: no session has such an event about this product, or none of ' +
          'its sessions connects it with another product more often than chance would.',
      }),
    as_of: asOfSchema,
  })
  .openapi('RelatedProducts', {
    example: {
      product_id: 'p-77',
      kind: 'bought_together',
      items: [
        {
          product: exampleProduct,
          text_id: exampleHit.text_id,
          count: 18,
          lift: 12.4,
          score: 96.1,
        },
      ],
      sessions: 240,
      reason: null,
      as_of: '2026-01-31T12:00:01.000Z',
    },
  });

const querySchema = z.strictObject({
  kind: z.enum(relatedKinds).default('bought_together').openapi({
    description:
      'bought_together and viewed_together: in one session; next: touched later in the session.',
  }),
  limit: z.coerce.number().int().min(1).max(100).default(10),
});
export type RelatedQuery = Partial<z.output<typeof querySchema>>;
export type RelatedProducts = z.output<typeof responseSchema>;

const route = createRoute({
  method: 'get',
  path: '/products/{id}/related',
  summary: 'Products that sessions connect with this one',
  description:
    'Counted in the 500 newest sessions with this product. A product in one session only is left ' +
    'out. See docs/analysis.md.',
  request: {
    params: productParams,
    query: querySchema,
  },
  responses: {
    200: answer('Strongest connection first; for an unknown product, a reason.', responseSchema),
  },
});

export function relatedRoute(
  app: OpenAPIHono<AppEnv>,
  { store, clock, eventTypes }: Services,
  popularity: Popularity,
): void {
  app.openapi(route, async (c) => {
    const { id } = c.req.valid('param');
    const { kind, limit } = c.req.valid('query');
    const asOf = new Date(clock.now()).toISOString();
    const found = await relatedProducts(
      store,
      popularity,
      { productId: id, kind, limit },
      eventTypes,
    );
    const isReader = mayRead(c);
    const isShown = (count: number): boolean => isReader || count >= countMin;
    const items = found.items.filter(({ count }) => isShown(count));
    const sessions = isShown(found.sessions) ? found.sessions : 0;
    const reason = sessions === 0 ? 'no_sessions' : 'no_connection';
    return c.json(
      {
        product_id: id,
        kind,
        items: items.map(({ product, textId, count, lift, score }) => ({
          product,
          text_id: textId,
          count,
          lift,
          score,
        })),
        sessions,
        reason: items.length === 0 ? reason : null,
        as_of: asOf,
      },
      200,
    );
  });
}
