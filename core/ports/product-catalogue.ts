// The products that a shop sells, as it describes them itself.

import type { Product } from './events.ts';

export type CatalogueProduct = Product & {
  readonly brand: string | null;
  /** Addresses of a picture and of the product's page. */
  readonly image: string | null;
  readonly url: string | null;
  /** How many are left; `null` when the shop does not say. */
  readonly stock: number | null;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
};

/** One version of a product. */
export type CatalogueWrite = {
  /** At most 256 characters. */
  readonly id: string;
  /** The version, UTC ms. */
  readonly updatedAt: number;
  /** With this id; `null` once the product is no longer sold. */
  readonly product: CatalogueProduct | null;
  /** The text of the product (see `documentOf`); `null` without a product. */
  readonly textId: string | null;
};

export type CatalogueEntry = CatalogueWrite & {
  /** `waiting`: its text is not embedded yet. `failed`: it cannot be, and `problem` says why. */
  readonly state: 'waiting' | 'searchable' | 'failed';
  readonly problem: string | null;
};

/**
 * Keeps the newest version of each product, that of products no longer sold included. Every call is
 * applied when it resolves, is idempotent, and throws the errors of `VectorStore`.
 *
 * The text of a product that is sold is not forgotten. Once it is stored, searches find it without
 * any event, if the product matches a filter that is about products alone (see `isListedIn`).
 */
export type CatalogueStore = {
  /**
   * Stores at most 1,000 versions of different products, as `waiting`. `superseded`: the same or a
   * newer version is stored.
   */
  put(writes: readonly CatalogueWrite[]): Promise<readonly ('stored' | 'superseded')[]>;
  /** The entries of these products, at most 1,000. */
  entries(ids: readonly string[]): Promise<ReadonlyMap<string, CatalogueEntry>>;
  /** The products that are sold and have one of these texts (at most 1,000), ordered by id. */
  ofTexts(textIds: readonly string[]): Promise<readonly CatalogueEntry[]>;
  /** Up to `limit` (at most 10,000) stored texts of products that are sold under these brands. */
  textsOfBrands(brands: readonly string[], limit: number): Promise<readonly string[]>;
  /**
   * Up to `limit` products that are sold and whose text is not known to be stored: those that were
   * just put, and those whose text is gone.
   */
  waiting(limit: number): Promise<readonly CatalogueEntry[]>;
  /** Says of these versions that their text is stored, or why it cannot be embedded. */
  settle(
    results: readonly (Pick<CatalogueWrite, 'id' | 'updatedAt'> & {
      readonly problem: string | null;
    })[],
  ): Promise<void>;
};
