// Keeps the features of product texts in a collection of their own, because Qdrant can add no
// vector to a collection that exists. A text has the same id in both.

import { partsOf } from '#core/collections/parts-of.ts';
import type { BareText, CatalogueEntry, CatalogueStore } from '#core/ports.ts';
import { productFeatures } from '#core/vectors/lexical/word-features.ts';
import { applied } from './applied-write.ts';
import {
  brandsKey,
  type QdrantCollections,
  wordsProductKey,
  wordsVector,
} from './qdrant-collections.ts';
import type { Qdrant } from './qdrant-connection.ts';
import { bareText } from './qdrant-points.ts';

/** Distinct brands in a fixed order, by the id of a text; none for a text without any. */
export type Brands = ReadonlyMap<string, readonly string[]>;

export type QdrantWords = {
  /** The brands of the products that are sold and have one of these texts. */
  brandsNow(ids: readonly string[]): Promise<Brands>;
  /** Writes the features of product texts. Queries have none. */
  put(texts: readonly Pick<BareText, 'id' | 'product'>[], brands: Brands): Promise<void>;
  /** Writes them for the texts among these that have none, or those of other brands. */
  prepare(texts: readonly BareText[]): Promise<void>;
  /** Writes them again for the texts among these, at most 2,000, that have got other brands. */
  renew(ids: readonly string[]): Promise<void>;
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
  type Written = ReturnType<typeof wordsPayload>;
  const written = async (ids: readonly string[]): Promise<ReadonlyMap<string, Written>> => {
    if (ids.length === 0) return new Map();
    return qdrant.read('read words', async (client) => {
      const points = await client.retrieve(names.words, {
        ids: [...ids],
        with_payload: [brandsKey, wordsProductKey],
      });
      return new Map(points.map(({ id, payload }) => [String(id), wordsPayload(payload)]));
    });
  };

  const brandsNow: QdrantWords['brandsNow'] = async (ids) => brandsByText(await ofTexts(ids));

  const readTexts = async (ids: readonly string[]): Promise<readonly BareText[]> => {
    const points = await qdrant.read('read texts', (client) =>
      client.retrieve(names.texts, { ids: [...ids], with_payload: payloadOfTexts }),
    );
    return points.map(bareText);
  };

  const put: QdrantWords['put'] = async (texts, brandsOf) => {
    const points = texts.flatMap(({ id, product }) => {
      if (product === null) return [];
      const brands = [...(brandsOf.get(id) ?? [])];
      const { ids, weights } = productFeatures(product, brands);
      const vector = { [wordsVector]: { indices: [...ids], values: [...weights] } };
      const payload = { [brandsKey]: brands, [wordsProductKey]: product.id.toWellFormed() };
      return [{ id, vector, payload }];
    });
    if (points.length === 0) return;
    await qdrant.write('write words', (client) =>
      applied(client.upsert(names.words, { points, wait: true })),
    );
  };

  const prepare: QdrantWords['prepare'] = async (texts) => {
    const ids = texts.map(({ id }) => id);
    const [before, now] = await Promise.all([written(ids), brandsNow(ids)]);
    const isPresent = ({ id }: BareText): boolean =>
      before.get(id)?.productId != null && isSame(before.get(id)?.brands, now.get(id));
    await put(
      texts.filter((text) => !isPresent(text)),
      now,
    );
  };

  const renew: QdrantWords['renew'] = async (ids) => {
    for (const part of partsOf([...new Set(ids)], textsMax)) {
      const [before, now] = await Promise.all([written(part), brandsNow(part)]);
      const changed = part.filter(
        (id) => before.has(id) && !isSame(before.get(id)?.brands, now.get(id)),
      );
      if (changed.length > 0) await put(await readTexts(changed), now);
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
    const [again, brands] = await Promise.all([readTexts(gone), brandsNow(gone)]);
    await put(again, brands);
  };

  return { brandsNow, put, prepare, renew, deleteGone };
}

function brandsByText(products: readonly CatalogueEntry[]): Brands {
  const brands = new Map<string, Set<string>>();
  for (const { textId, product } of products)
    if (textId !== null && product !== null && product.brand !== null)
      brands.set(textId, (brands.get(textId) ?? new Set()).add(product.brand.toWellFormed()));
  return new Map([...brands].map(([id, found]) => [id, [...found].toSorted()]));
}

const isSame = (before: readonly string[] = [], now: readonly string[] = []): boolean =>
  String(before) === String(now);

const payloadOfTexts = ['text', 'product'];

/** What `put` wrote beside the features. Older versions wrote no product. */
export function wordsPayload(payload: Readonly<Record<string, unknown>> | null | undefined): {
  readonly productId: string | null;
  readonly brands: readonly string[];
} {
  const productId = payload?.[wordsProductKey];
  return {
    productId: typeof productId === 'string' ? productId : null,
    brands: listOf(payload?.[brandsKey]),
  };
}

const listOf = (brands: unknown): readonly string[] =>
  Array.isArray(brands) ? brands.map(String) : [];
