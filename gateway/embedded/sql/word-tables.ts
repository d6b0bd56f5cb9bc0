// Keeps the features of product texts, by which they are searched by words.
//
// `words` holds them by feature, and `worded_texts` says which texts have theirs, and for which
// brands of the catalogue. An earlier
// gateway may still use the file: it writes texts without features, which `prepareWords` adds, and
// a trigger notes what it deletes.

import type { DatabaseSync } from 'node:sqlite';
import { at } from '#core/errors/assert.ts';
import type { Product, WordFeatures } from '#core/ports.ts';
import {
  comparableScore,
  featuresVersion,
  idfOf,
  productFeatures,
} from '#core/vectors/lexical/word-features.ts';
import type { Candidate } from '#core/vectors/search-plan.ts';
import type { Statements } from './database.ts';
import { storedJson } from './sqlite-errors.ts';
import { productOf, type Row } from './stored-rows.ts';

/** SQLite stores the text of the statements in the file: it must not change. */
const wordTables =
  `
  CREATE TABLE IF NOT EXISTS words (feature INTEGER NOT NULL, text INTEGER NOT NULL, ` +
  `weight INTEGER NOT NULL, PRIMARY KEY (feature, text)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS worded_texts (text INTEGER PRIMARY KEY, brands TEXT NOT NULL);
  INSERT INTO totals (name, count) VALUES ('worded_texts', 0) ON CONFLICT DO NOTHING;
  CREATE TRIGGER IF NOT EXISTS worded_text_insert AFTER INSERT ON worded_texts BEGIN
    UPDATE totals SET count = count + 1 WHERE name = 'worded_texts';
  END;
  CREATE TRIGGER IF NOT EXISTS worded_text_delete AFTER DELETE ON worded_texts BEGIN
    UPDATE totals SET count = count - 1 WHERE name = 'worded_texts';
  END;
  CREATE TRIGGER IF NOT EXISTS text_words_delete AFTER DELETE ON texts BEGIN
    DELETE FROM worded_texts WHERE text = old.key;
  END;
`;

/** Drops the features of another version: they are made again in the background. */
export function prepareWordTables(database: DatabaseSync): void {
  const version = database.prepare("SELECT value FROM meta WHERE name = 'words_version'");
  if (version.get()?.['value'] !== String(featuresVersion))
    database.exec(
      'DROP TABLE IF EXISTS words; DROP TABLE IF EXISTS worded_texts; ' +
        "DELETE FROM totals WHERE name = 'worded_texts';",
    );
  database.exec(wordTables);
  database
    .prepare("INSERT OR REPLACE INTO meta (name, value) VALUES ('words_version', ?)")
    .run(String(featuresVersion));
}

export type WordWrites = {
  /** Adds the features of some texts that lack them; `false` when none is left. */
  prepareWords(): boolean;
};

/** Texts that one step looks at, and prepares: some milliseconds of the writer's work. */
const [lookMax, prepareMax] = [1_000, 100];

/**
 * The features of one text, by its key: those of its product, and of the brands under which the
 * catalogue has it. They go with the text, in the same transaction.
 */
export class TextWords {
  readonly #brandsNow;
  readonly #worded;
  readonly #productOfText;
  readonly #markWorded;
  readonly #setBrands;
  readonly #putWord;
  readonly #deleteWord;

  constructor(database: DatabaseSync) {
    this.#brandsNow = database.prepare(`
      SELECT DISTINCT product ->> 'brand' AS brand FROM products INDEXED BY products_by_text
      WHERE text_id = (SELECT id FROM texts WHERE key = ?) AND product IS NOT NULL
        AND brand IS NOT NULL
      ORDER BY brand`);
    this.#worded = database.prepare('SELECT brands FROM worded_texts WHERE text = ?');
    this.#productOfText = database.prepare('SELECT product FROM texts WHERE key = ?');
    this.#markWorded = database.prepare(
      'INSERT OR IGNORE INTO worded_texts (text, brands) VALUES (?, ?)',
    );
    this.#setBrands = database.prepare('UPDATE worded_texts SET brands = ? WHERE text = ?');
    this.#putWord = database.prepare(
      'INSERT OR REPLACE INTO words (feature, text, weight) VALUES (?, ?, ?)',
    );
    this.#deleteWord = database.prepare('DELETE FROM words WHERE feature = ? AND text = ?');
  }

  /** A text always has the same product: what has its features keeps them. */
  put(text: number, product: Product): void {
    const brands = this.#brandsOf(text);
    if (this.#markWorded.run(text, JSON.stringify(brands)).changes === 0) return;
    this.#add(text, productFeatures(product, brands));
  }

  /** The catalogue has other products with this text than before. */
  renew(text: number): void {
    const known = this.#worded.get(text)?.['brands'];
    const brands = this.#brandsOf(text);
    if (known === undefined || known === JSON.stringify(brands)) return;
    const product = productOf(this.#productOfText.get(text)?.['product']);
    if (product === null) return;
    this.delete(text, product);
    this.#setBrands.run(JSON.stringify(brands), text);
    this.#add(text, productFeatures(product, brands));
  }

  delete(text: number, product: Product): void {
    const brands = brandsIn(this.#worded.get(text));
    for (const feature of productFeatures(product, brands).ids) this.#deleteWord.run(feature, text);
  }

  #brandsOf(text: number): readonly string[] {
    return this.#brandsNow.all(text).map(({ brand }) => String(brand));
  }

  #add(text: number, { ids, weights }: WordFeatures): void {
    for (const [index, feature] of ids.entries())
      this.#putWord.run(feature, text, at(weights, index));
  }
}

/** The brands of a row of `worded_texts`. */
export function brandsIn(row: Row | undefined): readonly string[] {
  const json = row?.['brands'];
  return typeof json === 'string' ? storedJson(json, 'the brands of a text') : [];
}

export function createWordWrites(database: DatabaseSync): WordWrites {
  const words = new TextWords(database);
  const lastOfNext = database.prepare(`
    SELECT max(key) AS key
    FROM (SELECT key FROM texts WHERE key > ? ORDER BY key LIMIT ${lookMax})`);
  const wordless = database.prepare(`
    SELECT key, product FROM texts
    WHERE key > ? AND key <= ? AND product IS NOT NULL
      AND key NOT IN (SELECT text FROM worded_texts)
    ORDER BY key LIMIT ${prepareMax}`);
  /** This pass has prepared all texts up to this one, and has found some that lacked features. */
  let [upTo, hasFound] = [-1, false];

  return {
    prepareWords() {
      const last = lastOfNext.get(upTo)?.['key'] ?? null;
      if (last === null) {
        // Only a whole pass that finds none is the end: a step of this one may have been undone.
        const isEnd = !hasFound;
        [upTo, hasFound] = [-1, false];
        return !isEnd;
      }
      const rows = wordless.all(upTo, last);
      for (const { key, product: json } of rows) {
        const product = productOf(json);
        if (product !== null) words.put(Number(key), product);
      }
      hasFound ||= rows.length > 0;
      upTo = Number(rows.length < prepareMax ? last : rows.at(-1)?.['key']);
      return true;
    },
  };
}

/** Finds the texts with the highest score by words, for one search within one transaction. */
export function nearestByWords(
  statements: Statements,
  { ids, weights }: WordFeatures,
): (count: number, within: readonly number[] | null) => readonly Candidate<number>[] {
  const total = statements.get("SELECT count FROM totals WHERE name = 'worded_texts'");
  const having = statements.get('SELECT count(*) AS count FROM words WHERE feature = ?');
  const all = Number(total.get()?.['count']);
  const query = JSON.stringify(
    ids.map((feature, index) => {
      const idf = idfOf(Number(having.get(feature)?.['count']), all);
      return [feature, at(weights, index) * idf];
    }),
  );
  return (count, within) =>
    statements
      .get(
        `SELECT text, sum(weight * (query.value ->> 1)) AS score
        FROM json_each(?) AS query CROSS JOIN words ON feature = query.value ->> 0
        ${within === null ? '' : 'WHERE text IN (SELECT value FROM json_each(?))'}
        GROUP BY text ORDER BY score DESC LIMIT ?`,
      )
      .all(query, ...(within === null ? [] : [JSON.stringify(within)]), count)
      .map((row) => ({ text: Number(row['text']), score: comparableScore(Number(row['score'])) }));
}
