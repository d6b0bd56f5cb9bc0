// The reference of the catalogue of products.

import type { CatalogueEntry, CatalogueStore, EventFilter } from '#core/ports.ts';
import { hasBrand, isListedIn } from '#core/vectors/products-only.ts';
import { assertBatch } from './contract-limits.ts';

const batchMax = 1_000;

export type MemoryCatalogue = CatalogueStore & {
  /** The texts of the products that are sold and match, or of one text. */
  listedTexts(filter: EventFilter): ReadonlySet<string>;
  /** The brands of the products that are sold and have this text, distinct. */
  brandsOf(textId: string): readonly string[];
  /** The text is deleted. */
  textGone(textId: string): void;
};

/** @param setReferences tells that these texts have got or lost a reference */
export function createMemoryCatalogue(
  setReferences: (textIds: readonly string[]) => void,
  isStored: (textId: string) => boolean,
): MemoryCatalogue {
  const products = new Map<string, CatalogueEntry>();
  const sold = (): CatalogueEntry[] =>
    [...products.values()]
      .filter(({ product }) => product !== null)
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));

  return {
    async put(writes) {
      assertBatch(writes, batchMax, 'products');
      return writes.map((write) => {
        const before = products.get(write.id);
        if (before !== undefined && before.updatedAt >= write.updatedAt) return 'superseded';
        products.set(write.id, { ...write, state: 'waiting', problem: null });
        setReferences([before?.textId ?? [], write.textId ?? []].flat());
        return 'stored';
      });
    },
    async entries(ids) {
      assertBatch(ids, batchMax, 'product ids');
      return new Map(
        ids.flatMap((id) => {
          const entry = products.get(id);
          return entry === undefined ? [] : [[id, entry]];
        }),
      );
    },
    async ofTexts(textIds) {
      assertBatch(textIds, batchMax, 'text ids');
      return sold().filter(({ textId }) => textId !== null && textIds.includes(textId));
    },
    async textsOfBrands(brands, limit) {
      const entries = sold().filter(({ product }) => hasBrand(product, brands));
      const textIds = entries.flatMap(({ textId }) => textId ?? []);
      return [...new Set(textIds.filter(isStored))].slice(0, limit);
    },
    async waiting(limit) {
      return sold()
        .filter(({ state }) => state === 'waiting')
        .slice(0, limit);
    },
    async settle(results) {
      assertBatch(results, batchMax, 'results');
      for (const { id, updatedAt, problem } of results) {
        const entry = products.get(id);
        if (entry?.updatedAt !== updatedAt) continue;
        products.set(id, { ...entry, state: problem === null ? 'searchable' : 'failed', problem });
        setReferences([entry.textId ?? []].flat());
      }
    },
    listedTexts: (filter) =>
      new Set(
        sold().flatMap((entry) =>
          isListedIn(entry, filter) && entry.textId !== null ? [entry.textId] : [],
        ),
      ),
    brandsOf(textId) {
      const ofText = sold().filter((entry) => entry.textId === textId);
      return [...new Set(ofText.flatMap(({ product }) => product?.brand ?? []))].toSorted();
    },
    textGone(textId) {
      for (const entry of sold())
        if (entry.textId === textId) products.set(entry.id, { ...entry, state: 'waiting' });
    },
  };
}
