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
  /** The place in a pass, which looks at all texts, then at all words. `null`: its beginning. */
  let [stage, next]: ['texts' | 'words', Offset] = ['texts', null];

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

  const deleteGone: QdrantWords['deleteGone'] = async (ids) => {
    const kept = await existing(names.texts, ids);
    const gone = ids.filter((id) => !kept.has(id));
    if (gone.length === 0) return;
    await qdrant.write('delete words', (client) =>
      applied(client.delete(names.words, { points: gone, wait: true })),
    );
    // A text that was put again before this look has lost its words. One that is put later writes
    // its words later still, because they follow the text.
    const back = await qdrant.read('read texts', (client) =>
      client.retrieve(names.texts, { ids: gone, with_payload: payloadOfTexts }),
    );
    await put(back.map(bareText));
  };

  const addMissing = async (offset: Offset): Promise<Offset> => {
    const { points, next_page_offset: after } = await qdrant.read('read texts', (client) =>
      client.scroll(names.texts, { limit: pageMax, offset, with_payload: payloadOfTexts }),
    );
    const texts = points.map(bareText).filter(({ product }) => product !== null);
    const ids = texts.map(({ id }) => id);
    const known = ids.length === 0 ? new Set() : await existing(names.words, ids);
    await put(texts.filter(({ id }) => !known.has(id)));
    return offsetOf(after);
  };

  const deleteNeedless = async (offset: Offset): Promise<Offset> => {
    const { points, next_page_offset: after } = await qdrant.read('read words', (client) =>
      client.scroll(names.words, { limit: pageMax, offset, with_payload: false }),
    );
    if (points.length > 0) await deleteGone(points.map(({ id }) => String(id)));
    return offsetOf(after);
  };

  return {
    put,
    deleteGone,

    async prepare() {
      next = await (stage === 'texts' ? addMissing : deleteNeedless)(next);
      if (next === null) stage = stage === 'texts' ? 'words' : 'texts';
      return next !== null || stage === 'words';
    },
  };
}

const payloadOfTexts = ['text', 'product'];

type Offset = string | number | null;

const offsetOf = (after: Schemas['ScrollRequest']['offset']): Offset =>
  typeof after === 'string' || typeof after === 'number' ? after : null;
