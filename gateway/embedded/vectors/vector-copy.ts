// Keeps a quantised copy of all vectors of the database in memory, in small steps, so that a search
// reads only a few full vectors.

import type { DatabaseSync } from 'node:sqlite';
import { damagedValue } from '../sql/sqlite-errors.ts';
import { QuantisedVectors } from './quantised-vectors.ts';

/**
 * Triggers log every change of a vector, and keep only the last 10,000 changes: a copy that is
 * further behind is rebuilt. Because they are part of the file, they also log what an older version
 * of the gateway writes.
 *
 * SQLite stores the text of the statements in the file: it must not change.
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

/** Vectors that one step copies: a few milliseconds. */
const stepMax = 500;
/** The value of `LIMIT` for all rows. */
const unlimited = -1;

export class VectorCopy {
  readonly #vectorBytes: number;
  readonly #vectors: QuantisedVectors;
  readonly #vectorsAfter;
  readonly #vectorOf;
  readonly #changesAfter;
  readonly #loggedChanges;
  /** The copy includes all changes up to this one. */
  #sequence = 0;
  /** The last text that was copied; `null` before the first. */
  #upTo: number | null = null;
  #isComplete = false;

  constructor(database: DatabaseSync, dimensions: number) {
    this.#vectorBytes = dimensions * Float32Array.BYTES_PER_ELEMENT;
    this.#vectors = new QuantisedVectors(dimensions);
    this.#vectorsAfter = database.prepare(
      'SELECT text, kind, vector FROM vectors WHERE text > ? ORDER BY text LIMIT ?',
    );
    this.#vectorOf = database.prepare('SELECT text, kind, vector FROM vectors WHERE text = ?');
    this.#changesAfter = database.prepare(
      'SELECT sequence, text FROM vector_changes WHERE sequence > ? ORDER BY sequence LIMIT ?',
    );
    // In one SELECT, `min` and `max` would make SQLite read all logged changes.
    this.#loggedChanges = database.prepare(`
      SELECT (SELECT min(sequence) FROM vector_changes) AS first,
        (SELECT max(sequence) FROM vector_changes) AS last`);
  }

  /** One step of the copy; `false` when there was nothing to do. Call it outside a transaction. */
  step(): boolean {
    const isIncomplete = !this.#isComplete;
    if (isIncomplete) this.#copy();
    return this.#follow(stepMax) || isIncomplete;
  }

  /**
   * Texts that include the `count` nearest ones in the snapshot of the present transaction, and a
   * few more, in no order; `null` while the copy is incomplete, when a search must read all
   * vectors.
   */
  candidates(query: Float32Array, count: number, productsOnly: boolean): readonly number[] | null {
    if (this.#isComplete) this.#follow(unlimited);
    return this.#isComplete ? this.#vectors.candidates(query, count, productsOnly) : null;
  }

  #copy(): void {
    if (this.#upTo === null) {
      this.#vectors.clear();
      this.#sequence = Number(this.#loggedChanges.get()?.['last'] ?? 0);
    }
    const rows = this.#vectorsAfter.all(this.#upTo ?? -1, stepMax);
    for (const row of rows) this.#put(row);
    this.#upTo = Number(rows.at(-1)?.['text'] ?? this.#upTo);
    this.#isComplete = rows.length < stepMax;
  }

  /** Applies the changes since the last call; `false` when there were none. */
  #follow(max: number): boolean {
    const first = Number(this.#loggedChanges.get()?.['first'] ?? 0);
    if (first > this.#sequence + 1) {
      this.#isComplete = false;
      this.#upTo = null;
      return true;
    }
    const changes = this.#changesAfter.all(this.#sequence, max);
    for (const text of new Set(changes.map((change) => Number(change['text'])))) {
      const row = this.#vectorOf.get(text);
      if (row === undefined) this.#vectors.delete(text);
      else this.#put(row);
    }
    this.#sequence = Number(changes.at(-1)?.['sequence'] ?? this.#sequence);
    return changes.length > 0;
  }

  #put(row: Readonly<Record<string, unknown>>): void {
    const bytes = row['vector'];
    if (!(bytes instanceof Uint8Array)) return;
    if (bytes.length !== this.#vectorBytes)
      throw damagedValue(`a vector has ${bytes.length} bytes instead of ${this.#vectorBytes}`);
    // The bytes that SQLite returns may be unaligned.
    const vector =
      bytes.byteOffset % 4 === 0
        ? new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
        : new Float32Array(bytes.slice().buffer);
    this.#vectors.put({ id: Number(row['text']), isProduct: row['kind'] === 'product', vector });
  }
}
