// Writes a hit of a search as it looks on the wire, for every path that answers with hits.

import { z } from '@hono/zod-openapi';
import { eventTypes, type SearchHit } from '#core/ports.ts';
import {
  exampleProduct,
  exampleStoredEvent,
  productOf,
  productSchema,
  storedEvent,
  storedEventSchema,
} from './schemas.ts';

export const exampleHit = {
  score: 0.71,
  text_id: exampleStoredEvent.text_id,
  text: 'Enamel kettle, Kitchen: Red, 2 litres',
  product: exampleProduct,
  events: { total: 12, by_type: { view: 9, purchase: 3 } },
  newest: exampleStoredEvent,
};

/** The settings may add types: for TypeScript, a key is any name. */
const countsSchema: z.ZodType<Record<string, number>> = z.partialRecord(
  z.enum(eventTypes),
  z.int(),
);

export const hitSchema = z
  .object({
    score: z.number().openapi({ description: 'Cosine similarity, -1 to 1.' }),
    text_id: z.string(),
    text: z.string(),
    product: productSchema.nullable().openapi({
      description: 'null for a search query (only when filter.event_type includes search).',
    }),
    events: z.object({ total: z.int(), by_type: countsSchema }).openapi({
      description: 'Matching events. A key without the scope read sees no count below 5.',
    }),
    newest: storedEventSchema.optional().openapi({
      description:
        'Absent for a key without the scope read, and for a product without a matching event.',
    }),
  })
  .openapi('SearchHit', { example: exampleHit });

export type HitView = z.infer<typeof hitSchema>;

export function hitOf(hit: SearchHit): HitView {
  return {
    score: hit.score,
    text_id: hit.textId,
    text: hit.text,
    product: productOf(hit.product),
    events: { total: hit.events.total, by_type: hit.events.byType },
    ...(hit.newest !== null && { newest: storedEvent(hit.newest) }),
  };
}

/** The member `as_of` of every answer that depends on the present index. */
export const asOfSchema = z.iso.datetime().openapi({
  description:
    'The answer includes all events applied before this time, and may include later ones.',
});
