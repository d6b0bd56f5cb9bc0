// Finds what is near in meaning to the products that a visitor touched last.

import type { EventFilter, SimilarProduct, VectorStore } from '#core/ports.ts';
import type { Visitor } from './visitor.ts';

/** Meaning starts from this many of a visitor's newest texts: a mean of more is near to nothing. */
const textsMax = 3;

export async function similarOf(
  store: Pick<VectorStore, 'similarProducts'>,
  { textIds }: Visitor,
  filter: EventFilter,
  limit: number,
): Promise<readonly SimilarProduct[]> {
  if (textIds.length === 0) return [];
  return store.similarProducts({ textIds: textIds.slice(0, textsMax), filter, limit });
}
