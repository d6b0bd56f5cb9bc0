// Reads the product of a valid event without a schema: every thread of the database reads products,
// and the schema library takes longer to load than all other modules of such a thread.

import type { Product } from '#core/ports.ts';
import { visibleText } from './visible-text.ts';

/** The product of an event that was valid when it was stored; `null` without one. */
export function productOfPayload(payload: string): Product | null {
  const event: { readonly product?: unknown } | null = JSON.parse(payload);
  return productOf(event?.product);
}

/** The product in a payload; `null` for anything else. */
export function productOf(product: unknown): Product | null {
  if (typeof product !== 'object' || product === null) return null;
  const { id, name, description, category, price }: { [K in keyof Product]?: unknown } = product;
  if (typeof id !== 'string' || typeof name !== 'string' || typeof price !== 'number') return null;
  return {
    id,
    name,
    description: visibleText(description),
    category: visibleText(category),
    price,
  };
}
