// Keeps the features of product texts in a collection of their own, because Qdrant can add no
// vector to a collection that exists. A text has the same id in both.

import { partsOf } from '#core/collections/parts-of.ts';
import type { BareText, CatalogueEntry, CatalogueStore } from '#core/ports.ts';
import { productFeatures } from '#core/vectors/lexical/word-features.ts';
import { applied } from './applied-write.ts';
import { brandsKey, type QdrantCollections, wordsVector } from './qdrant-collections.ts';
import type { Qdrant } from './qdrant-connection.ts';
import { bareText } from './qdrant-points.ts';

export type QdrantWords = {
  /** Writes the features of product texts. Queries have none. */
  put(texts: readonly Pick<BareText, 'id' | 'product'>[]): Promise<void>;
  /** Writes them again for the texts among these, at most 2,000, that have got other brands. */
  renew(ids: readonly string[]): Promise<void>;
  /** The brands with which texts are found; none for a text that has no features. */
  brandsOf(ids: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Deletes the features of the texts among these that are gone. */
  deleteGone(ids: readonly string[]): Promise<void>;
};

/** Texts whose products are read at once. */
const textsMax = 1_000;

export function createQdrantWords({
  qdrant,
  names,
  ofTexts,
}: {
  readonly qdrant: Qdrant;
  readonly names: QdrantCollections;
  /** The products that are sold. */
  readonly ofTexts: CatalogueStore['ofTexts'];
}): QdrantWords {
  const brandsOf: QdrantWords['brandsOf'] = async (ids) => {
    if (ids.length === 0) return new Map();
    return qdrant.read('read words', async (client) => {
      const points = await client.retrieve(names.words, {
        ids: [...ids],
        with_payload: [brandsKey],
      });
      return new Map(points.map(({ id, payload }) => [String(id), listOf(payload?.[brandsKey])]));
    });
  };

  const brandsNow = async (ids: readonly string[]) => brandsByText(await ofTexts(ids));

  const readTexts = async (ids: readonly string[]): Promise<readonly BareText[]> => {
    const points = await qdrant.read('read texts', (client) =>
      client.retrieve(names.texts, { ids: [...ids], with_payload: payloadOfTexts }),
    );
    return points.map(bareText);
  };

  const put: QdrantWords['put'] = async (texts) => {
    const products = texts.flatMap(({ id, product }) => (product === null ? [] : { id, product }));
    if (products.length === 0) return;
    const byText = await brandsNow(products.map(({ id }) => id));
    const points = products.map(({ id, product }) => {
      const brands = [...(byText.get(id) ?? [])];
      const { ids, weights } = productFeatures(product, brands);
      const vector = { [wordsVector]: { indices: [...ids], values: [...weights] } };
      return { id, vector, payload: { [brandsKey]: brands } };
    });
    await qdrant.write('write words', (client) =>
      applied(client.upsert(names.words, { points, wait: true })),
    );
  };

  const renew: QdrantWords['renew'] = async (ids) => {
    for (const part of partsOf([...new Set(ids)], textsMax)) {
      const [known, now] = await Promise.all([brandsOf(part), brandsNow(part)]);
      const changed = part.filter(
        (id) => known.has(id) && String(known.get(id)) !== String(now.get(id) ?? []),
      );
      if (changed.length > 0) await put(await readTexts(changed));
    }
  };

  const deleteGone: QdrantWords['deleteGone'] = async (ids) => {
    const kept = await qdrant.read('look for texts', (client) =>
      client.retrieve(names.texts, { ids: [...ids], with_payload: false }),
    );
    const keptIds = new Set(kept.map(({ id }) => String(id)));
    const gone = ids.filter((id) => !keptIds.has(id));
    if (gone.length === 0) return;
    await qdrant.write('delete words', (client) =>
      applied(client.delete(names.words, { points: gone, wait: true })),
    );
    // A text that was put again before this look has lost its words. One that is put later writes
    // its words later still, because they follow the text.
    await put(await readTexts(gone));
  };

  return { put, renew, brandsOf, deleteGone };
}

/** Distinct, in a fixed order. */
function brandsByText(products: readonly CatalogueEntry[]): ReadonlyMap<string, readonly string[]> {
  const brands = new Map<string, Set<string>>();
  for (const { textId, product } of products)
    if (textId !== null && product !== null && product.brand !== null)
      brands.set(textId, (brands.get(textId) ?? new Set()).add(product.brand.toWellFormed()));
  return new Map([...brands].map(([id, found]) => [id, [...found].toSorted()]));
}

const payloadOfTexts = ['text', 'product'];

const listOf = (brands: unknown): readonly string[] =>
  Array.isArray(brands) ? brands.map(String) : [];
