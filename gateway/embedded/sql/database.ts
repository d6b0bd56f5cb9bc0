// Opens `vectorstream.db` the same way for every connection, with one clear line when the folder or
// the file will not do.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { getLoadablePath } from 'sqlite-vec';
import { UsageError, VectorStreamError } from '#core/errors/errors.ts';
import { primaryCode, sqliteCode } from './sqlite-errors.ts';

export const databaseFile = (folder: string) => join(folder, 'vectorstream.db');

/**
 * Vectors of 384 floats fill a page of 8 KiB to 94 %, one of 4 KiB (SQLite's default) to 75 %: a
 * search reads them all.
 */
const pageBytes = 8192;

/**
 * Reads go through a bounded cache and not through `mmap`, whose pages would count as the gateway's
 * memory.
 *
 * WAL lets the reader work while the writer writes. `synchronous` is the writer's to choose per
 * transaction, see writer.ts.
 */
export function openDatabase(
  folder: string,
  options: { readonly readOnly: boolean; readonly cacheKib: number },
): DatabaseSync {
  const database = new DatabaseSync(databaseFile(folder), {
    readOnly: options.readOnly,
    allowExtension: true,
    timeout: 5_000,
  });
  try {
    database.loadExtension(getLoadablePath());
    database.enableLoadExtension(false);
    if (!options.readOnly)
      database.exec(
        `PRAGMA page_size = ${pageBytes}; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;`,
      );
    database.exec(`PRAGMA cache_size = -${options.cacheKib}; PRAGMA temp_store = MEMORY;`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Runs the opening of a data folder, and turns what the file system or SQLite says into one line
 * that names the folder.
 */
export function opening<T>(folder: string, open: () => T): T {
  try {
    mkdirSync(folder, { recursive: true });
    return open();
  } catch (error) {
    if (error instanceof VectorStreamError || !(error instanceof Error)) throw error;
    throw new UsageError(problemOf(folder, error), { cause: error });
  }
}

function problemOf(folder: string, error: Error): string {
  const primary = primaryCode(error);
  if (primary === sqliteCode.notadb || primary === sqliteCode.corrupt) {
    return `${databaseFile(folder)} is damaged or not a database: restore it from a backup, or move it away and read the events again.`;
  }
  if (primary === sqliteCode.full)
    return `The disk of the data folder ${folder} is full: free some space, or choose another folder with VECTORSTREAM_DATA_DIR.`;
  return `The data folder ${folder} cannot be used (${error.message}): it must be a folder that this user can write, see VECTORSTREAM_DATA_DIR.`;
}

/**
 * Statements by their text, prepared once; the oldest goes when there are many (filters make their
 * own).
 */
export class Statements {
  readonly #database: DatabaseSync;
  readonly #max: number;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, max: number) {
    this.#database = database;
    this.#max = max;
  }

  get(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    for (const oldest of this.#prepared.keys()) {
      if (this.#prepared.size < this.#max) break;
      this.#prepared.delete(oldest);
    }
    this.#prepared.set(sql, statement);
    return statement;
  }
}
