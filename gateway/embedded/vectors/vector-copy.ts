// Keeps a quantised copy of all vectors of the database in memory, a little work at a time, so that
// a search reads only the few that matter.

import type { DatabaseSync } from 'node:sqlite';
import { QuantisedVectors } from './quantised-vectors.ts';

/**
 * Every change of a vector is noted, whoever makes it, and notes beyond the last ten thousand go: a
 * copy that is further behind is made anew. An older version may write the file, and leaves notes
 * as well.
 */
export const vectorChanges = `
  CREATE TABLE IF NOT EXISTS vector_changes (sequence INTEGER PRIMARY KEY, text INTEGER NOT NULL);
  ${[
    ['INSERT', 'new'],
    ['UPDATE', 'new'],
    ['DELETE', 'old'],
  ]
    .map(
      ([change, row]) => `
  CREATE TRIGGER IF NOT EXISTS vector_${change?.toLowerCase()} AFTER ${change} ON vectors BEGIN
    INSERT INTO vector_changes (text) VALUES (${row}.text);
    DELETE FROM vector_changes WHERE sequence <= last_insert_rowid() - 10000;
  END;`,
    )
    .join('')}
`;

/** Vectors of one step: a few milliseconds. */
const stepMax = 500;
/** As SQL says it. */
const unlimited = -1;

export class VectorCopy {
  readonly #vectors: QuantisedVectors;
  readonly #after;
  readonly #one;
  readonly #changes;
  readonly #noted;
  /** The copy knows of all changes up to this one. */
  #sequence = 0;
  /** The text up to which the copy has come; `null` when it has not begun. */
  #upTo: number | null = null;
  #isWhole = false;

  constructor(database: DatabaseSync, dimensions: number) {
    this.#vectors = new QuantisedVectors(dimensions);
    this.#after = database.prepare(
      'SELECT text, kind, vector FROM vectors WHERE text > ? ORDER BY text LIMIT ?',
    );
    this.#one = database.prepare('SELECT text, kind, vector FROM vectors WHERE text = ?');
    this.#changes = database.prepare(
      'SELECT sequence, text FROM vector_changes WHERE sequence > ? ORDER BY sequence LIMIT ?',
    );
    // Asked for together, SQLite would read all notes for the two.
    this.#noted = database.prepare(
      'SELECT (SELECT min(sequence) FROM vector_changes) AS first, (SELECT max(sequence) FROM vector_changes) AS last',
    );
  }

  /** Copies some more; `false` when there is nothing left to do. Outside of a transaction. */
  step(): boolean {
    const isMore = !this.#isWhole;
    if (isMore) this.#copy();
    return this.#follow(stepMax) || isMore;
  }

  /**
   * Texts with the `count` nearest of the snapshot that is being read among them, and few more, in
   * no order; `null` while the copy is not whole, when all have to be looked at.
   */
  candidates(query: Float32Array, count: number, productsOnly: boolean): readonly number[] | null {
    if (this.#isWhole) this.#follow(unlimited);
    return this.#isWhole ? this.#vectors.candidates(query, count, productsOnly) : null;
  }

  #copy(): void {
    if (this.#upTo === null) {
      this.#vectors.clear();
      this.#sequence = Number(this.#noted.get()?.['last'] ?? 0);
    }
    const rows = this.#after.all(this.#upTo ?? -1, stepMax);
    for (const row of rows) this.#put(row);
    this.#upTo = Number(rows.at(-1)?.['text'] ?? this.#upTo);
    this.#isWhole = rows.length < stepMax;
  }

  /** Takes over what has changed since; `false` when that was nothing. */
  #follow(max: number): boolean {
    const first = Number(this.#noted.get()?.['first'] ?? 0);
    if (first > this.#sequence + 1) {
      this.#isWhole = false;
      this.#upTo = null;
      return true;
    }
    const changes = this.#changes.all(this.#sequence, max);
    for (const text of new Set(changes.map((change) => Number(change['text'])))) {
      const row = this.#one.get(text);
      if (row === undefined) this.#vectors.delete(text);
      else this.#put(row);
    }
    this.#sequence = Number(changes.at(-1)?.['sequence'] ?? this.#sequence);
    return changes.length > 0;
  }

  #put(row: Readonly<Record<string, unknown>>): void {
    const bytes = row['vector'];
    if (!(bytes instanceof Uint8Array)) return;
    // Where SQLite put the bytes they need not be aligned.
    const vector =
      bytes.byteOffset % 4 === 0
        ? new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
        : new Float32Array(bytes.slice().buffer);
    this.#vectors.put({ id: Number(row['text']), isProduct: row['kind'] === 'product', vector });
  }
}
