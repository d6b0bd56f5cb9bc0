// Keeps the features of product texts in a collection of their own, because Qdrant can add no
// vector to a collection that exists. A text has the same id in both.

import type { Schemas } from '@qdrant/js-client-rest';
import type { BareText } from '#core/ports.ts';
import { productFeatures } from '#core/vectors/lexical/word-features.ts';
import { applied } from './applied-write.ts';
import { type QdrantCollections, wordsVector } from './qdrant-collections.ts';
import type { Qdrant } from './qdrant-connection.ts';
import { bareText } from './qdrant-points.ts';

export type QdrantWords = {
  /** Writes the features of product texts. Queries have none. */
  put(texts: readonly Pick<BareText, 'id' | 'product'>[]): Promise<void>;
  /** Deletes the features of the texts among these that are gone. */
  deleteGone(ids: readonly string[]): Promise<void>;
  /** Does the work of `VectorStore.prepareWords`. */
  prepare(): Promise<boolean>;
};

/** Texts that one step looks at. */
const pageMax = 128;

export function createQdrantWords({
  qdrant,
  names,
}: {
  readonly qdrant: Qdrant;
  readonly names: QdrantCollections;
}): QdrantWords {
  /** Where the next page of this pass begins; `null` before a pass. */
  let next: Schemas['ScrollRequest']['offset'] = null;

  const existing = (collection: string, ids: readonly string[]): Promise<ReadonlySet<string>> =>
    qdrant.read(`look for texts in ${collection}`, async (client) => {
      const points = await client.retrieve(collection, { ids: [...ids], with_payload: false });
      return new Set(points.map(({ id }) => String(id)));
    });

  const put: QdrantWords['put'] = async (texts) => {
    const points = texts.flatMap(({ id, product }) => {
      if (product === null) return [];
      const { ids, weights } = productFeatures(product);
      const vector = { [wordsVector]: { indices: [...ids], values: [...weights] } };
      return [{ id, vector, payload: {} }];
    });
    if (points.length === 0) return;
    await qdrant.write('write words', (client) =>
      applied(client.upsert(names.words, { points, wait: true })),
    );
  };

  return {
    put,

    async deleteGone(ids) {
      const kept = await existing(names.texts, ids);
      const points = ids.filter((id) => !kept.has(id));
      if (points.length === 0) return;
      await qdrant.write('delete words', (client) =>
        applied(client.delete(names.words, { points, wait: true })),
      );
    },

    async prepare() {
      const { points, next_page_offset: after } = await qdrant.read('read texts', (client) =>
        client.scroll(names.texts, {
          limit: pageMax,
          offset: next ?? null,
          with_payload: ['text', 'product'],
        }),
      );
      const texts = points.map(bareText).filter(({ product }) => product !== null);
      const known =
        texts.length === 0
          ? new Set()
          : await existing(
              names.words,
              texts.map(({ id }) => id),
            );
      await put(texts.filter(({ id }) => !known.has(id)));
      next = typeof after === 'string' || typeof after === 'number' ? after : null;
      return next !== null;
    },
  };
}
