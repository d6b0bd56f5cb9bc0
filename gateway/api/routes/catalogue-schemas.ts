// What the routes of the catalogue take and answer.

import { z } from '@hono/zod-openapi';
import { exampleProduct, instant, productSchema } from './schemas.ts';

export const exampleListed = {
  ...exampleProduct,
  brand: 'Aga',
  image: 'https://shop.example/kettle.jpg',
  url: 'https://shop.example/p-1042',
  stock: 12,
  attributes: { colour: 'red', litres: 2 },
};

export const versionQuery = z.strictObject({
  updated_at: instant.optional().openapi({
    description: 'The version of the deletion. Without it, the time of arrival.',
  }),
});

export const answerSchema = z
  .object({
    accepted: z.int().openapi({ description: 'Valid products, durable.' }),
    rejected: z.int().openapi({ description: 'Invalid products, not accepted.' }),
    items: z
      .array(
        z.object({
          index: z.int().openapi({ description: 'The place in the body, from 0.' }),
          product_id: z.string().nullable(),
          status: z.enum(['accepted', 'rejected']),
          superseded: z
            .literal(true)
            .optional()
            .openapi({ description: 'The catalogue has the same or a newer version.' }),
          error: z.object({ message: z.string() }).optional(),
        }),
      )
      .openapi({ description: 'One per product, in order.' }),
  })
  .openapi('CatalogueResult', {
    example: {
      accepted: 1,
      rejected: 0,
      items: [{ index: 0, product_id: 'p-1042', status: 'accepted' }],
    },
  });
export type CatalogueAnswer = z.output<typeof answerSchema>;

export const entrySchema = z
  .object({
    product: productSchema,
    updated_at: z.iso.datetime().openapi({ description: 'The version.' }),
    state: z.enum(['waiting', 'searchable', 'failed']).openapi({
      description: 'waiting: not embedded yet. failed: it cannot be, and problem says why.',
    }),
    problem: z.string().nullable().openapi({ description: 'Why it cannot be embedded.' }),
  })
  .openapi('CatalogueEntry', {
    example: {
      product: exampleListed,
      updated_at: '2026-01-31T12:00:00.000Z',
      state: 'searchable',
      problem: null,
    },
  });
export type CatalogueEntryView = z.output<typeof entrySchema>;
