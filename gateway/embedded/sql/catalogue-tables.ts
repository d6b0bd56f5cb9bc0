// Keeps the catalogue in `vectorstream.db`: the newest version of each product.

import type { DatabaseSync } from 'node:sqlite';
import type { CatalogueEntry, CatalogueStore, CatalogueWrite, EventFilter } from '#core/ports.ts';
import { isAboutProducts } from '#core/vectors/products-only.ts';
import type { Condition } from './event-filter.ts';
import { storedJson } from './sqlite-errors.ts';
import { type Row, uuidOf } from './stored-rows.ts';
import type { TextReferences } from './text-references.ts';
import { uuidBytes } from './uuid-bytes.ts';
import { TextWords } from './word-tables.ts';

/**
 * An earlier gateway may still use the file, and the schema's version stays. It deletes texts that
 * have no event, also those of products: a trigger notes that they are to be embedded again.
 *
 * SQLite stores the text of the statements in the file: it must not change.
 */
export const catalogueTables =
  `
  CREATE TABLE IF NOT EXISTS products (id TEXT PRIMARY KEY, updated_at INTEGER NOT NULL, ` +
  `text_id BLOB, state TEXT NOT NULL, problem TEXT, category TEXT, price REAL, product TEXT);
  CREATE INDEX IF NOT EXISTS products_by_text ON products (text_id) ` +
  `WHERE text_id IS NOT NULL;
  CREATE INDEX IF NOT EXISTS products_waiting ON products (state) WHERE state = 'waiting';
  CREATE INDEX IF NOT EXISTS products_by_brand ON products (product ->> 'brand');
  CREATE TRIGGER IF NOT EXISTS text_products_delete AFTER DELETE ON texts BEGIN
    UPDATE products SET state = 'waiting' WHERE text_id = old.id;
  END;
`;

type Settled = Parameters<CatalogueStore['settle']>[0];

export type CatalogueWrites = {
  putProducts(request: {
    readonly writes: readonly CatalogueWrite[];
    /** UTC ms. */
    readonly now: number;
  }): readonly ('stored' | 'superseded')[];
  settleProducts(request: { readonly results: Settled; readonly now: number }): void;
};
export type CatalogueReads = {
  catalogueEntries(ids: readonly string[]): readonly CatalogueEntry[];
  catalogueOfTexts(textIds: readonly string[]): readonly CatalogueEntry[];
  textsOfBrands(request: {
    readonly brands: readonly string[];
    readonly limit: number;
  }): readonly string[];
  waitingProducts(limit: number): readonly CatalogueEntry[];
};

export function createCatalogueWrites(
  database: DatabaseSync,
  references: TextReferences,
): CatalogueWrites {
  const words = new TextWords(database);
  const before = database.prepare('SELECT updated_at, text_id FROM products WHERE id = ?');
  const put = database.prepare(`
    INSERT INTO products (id, updated_at, text_id, state, problem, category, price, product)
    VALUES (?, ?, ?, ?, NULL, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at, text_id = excluded.text_id,
      state = excluded.state, problem = NULL, category = excluded.category, price = excluded.price,
      product = excluded.product`);
  const keyOfText = database.prepare('SELECT key FROM texts WHERE id = ?');
  const settle = database.prepare(`
    UPDATE products SET state = ?, problem = ?
    WHERE id = ? AND updated_at = ? AND product IS NOT NULL
      AND (? = 'failed' OR text_id IN (SELECT id FROM texts))
    RETURNING text_id`);

  /** The key of the text; `null` if it is not stored. */
  const checkText = (id: unknown, now: number): number | null => {
    const key = id instanceof Uint8Array ? keyOfText.get(id)?.['key'] : undefined;
    if (key === undefined) return null;
    references.checkReferences(Number(key), now);
    return Number(key);
  };

  return {
    putProducts: ({ writes, now }) =>
      writes.map(({ id, updatedAt, product, textId }) => {
        const old = before.get(id);
        if (old !== undefined && Number(old['updated_at']) >= updatedAt) return 'superseded';
        const text = textId === null ? null : uuidBytes(textId);
        const { category = null, price = null } = product ?? {};
        const json = product === null ? null : JSON.stringify(product);
        const state = product === null ? 'searchable' : 'waiting';
        put.run(id, updatedAt, text, state, category, price, json);
        const texts = new Set([checkText(old?.['text_id'], now), checkText(text, now)]);
        for (const key of texts) if (key !== null) words.renew(key);
        return 'stored';
      }),

    settleProducts({ results, now }) {
      for (const { id, updatedAt, problem } of results) {
        const state = problem === null ? 'searchable' : 'failed';
        const row = settle.get(state, problem, id, updatedAt, state);
        checkText(row?.['text_id'], now);
      }
    },
  };
}

export function createCatalogueReads(database: DatabaseSync): CatalogueReads {
  const columns = 'id, updated_at, text_id, state, problem, product';
  const byId = database.prepare(`SELECT ${columns} FROM products WHERE id = ?`);
  const byText = database.prepare(`
    SELECT ${columns} FROM products INDEXED BY products_by_text
    WHERE text_id IN (SELECT unhex(value, '-') FROM json_each(?)) AND product IS NOT NULL
    ORDER BY id`);
  const ofBrands = database.prepare(`
    SELECT DISTINCT text_id FROM products INDEXED BY products_by_brand
    WHERE product ->> 'brand' IN (SELECT value FROM json_each(?))
      AND text_id IN (SELECT id FROM texts)
    LIMIT ?`);
  const waiting = database.prepare(`
    SELECT ${columns} FROM products INDEXED BY products_waiting
    WHERE state = 'waiting' AND product IS NOT NULL LIMIT ?`);
  return {
    catalogueEntries: (ids) =>
      ids.flatMap((id) => {
        const row = byId.get(id);
        return row === undefined ? [] : [entryOf(row)];
      }),
    catalogueOfTexts: (textIds) => byText.all(JSON.stringify(textIds)).map(entryOf),
    textsOfBrands: ({ brands, limit }) =>
      ofBrands.all(JSON.stringify(brands), limit).map((row) => uuidOf(row['text_id'])),
    waitingProducts: (limit) => waiting.all(limit).map(entryOf),
  };
}

function entryOf(row: Row): CatalogueEntry {
  const { state, problem, product } = row;
  return {
    id: String(row['id']),
    updatedAt: Number(row['updated_at']),
    product: typeof product === 'string' ? storedJson(product, 'a product of the catalogue') : null,
    textId: row['text_id'] === null ? null : uuidOf(row['text_id']),
    state: state === 'waiting' || state === 'failed' ? state : 'searchable',
    problem: typeof problem === 'string' ? problem : null,
  };
}

/** A condition on the table `products`: those that `isListedIn` finds. `null`: none is. */
export function listedCondition(filter: EventFilter): Condition | null {
  if (!isAboutProducts(filter)) return null;
  const { productId, categories, textIds, priceMin, priceMax } = filter;
  const parts: readonly (Condition | false)[] = [
    { sql: 'products.product IS NOT NULL', values: [] },
    productId !== undefined && { sql: 'products.id = ?', values: [productId] },
    categories !== undefined && {
      sql: 'category IN (SELECT value FROM json_each(?))',
      values: [JSON.stringify(categories)],
    },
    textIds !== undefined && {
      sql: "text_id IN (SELECT unhex(value, '-') FROM json_each(?))",
      values: [JSON.stringify(textIds)],
    },
    priceMin !== undefined && { sql: 'price >= ?', values: [priceMin] },
    priceMax !== undefined && { sql: 'price <= ?', values: [priceMax] },
  ];
  const present = parts.filter((part) => part !== false);
  return {
    sql: present.map(({ sql }) => sql).join(' AND '),
    values: present.flatMap(({ values }) => values),
  };
}
