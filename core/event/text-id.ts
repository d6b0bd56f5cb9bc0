// Gives a text its id: the same text and kind always have the same UUID.

import type { Document } from '#core/ports.ts';
import { uuidV5 } from './uuid.ts';

/**
 * UUIDv5 of a normalised text. A query and a product with the same words have different ids,
 * because searches return only products by default.
 */
export function textIdOf(text: string, kind: Document['kind'] = 'product'): string {
  return uuidV5(text, namespaces[kind]);
}

const namespaces: Readonly<Record<Document['kind'], string>> = {
  product: uuidV5('product'),
  query: uuidV5('query'),
};
