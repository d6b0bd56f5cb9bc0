// Opens `vectorstream.db` with the same settings for every connection, and explains in one line why
// a folder or file cannot be used.

import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { getLoadablePath } from 'sqlite-vec';
import { BoundedMap } from '#core/collections/bounded-map.ts';
import { UsageError, VectorStreamError } from '#core/errors/errors.ts';
import { makeFolder } from '../../../system/make-folder.ts';
import { primaryCode, sqliteCode } from './sqlite-errors.ts';

export const databaseFile = (folder: string) => join(folder, 'vectorstream.db');
/** The write-ahead log: what is committed and not yet in the database file. */
export const walFile = (folder: string) => `${databaseFile(folder)}-wal`;

/** How long a connection waits for another one's lock. */
export const busyTimeoutMs = 5_000;

/**
 * Vectors of 384 floats fill 94 % of a page of 8 KiB, but only 75 % of one of 4 KiB (SQLite's
 * default). A search without a copy in memory reads all of these pages.
 */
const pageBytes = 8192;

/**
 * Reads go through a bounded cache instead of `mmap`, whose pages would count as the gateway's
 * memory.
 *
 * WAL lets the reader work while the writer writes. The writer sets `synchronous` for each
 * transaction: see group-commit.ts.
 */
export function openDatabase(
  folder: string,
  options: { readonly readOnly: boolean; readonly cacheKib: number },
): DatabaseSync {
  const database = new DatabaseSync(databaseFile(folder), {
    readOnly: options.readOnly,
    allowExtension: true,
    timeout: busyTimeoutMs,
  });
  try {
    database.loadExtension(getLoadablePath());
    database.enableLoadExtension(false);
    if (!options.readOnly)
      database.exec(
        `PRAGMA page_size = ${pageBytes}; PRAGMA journal_mode = WAL;` +
          // What is deleted is overwritten, which adds 3 to 6 % to the bytes of a deletion.
          'PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;',
      );
    database.exec(`PRAGMA cache_size = -${options.cacheKib}; PRAGMA temp_store = MEMORY;`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Creates the data folder if it is missing, then runs `open`.
 *
 * @throws UsageError in place of any error of the file system or of SQLite: one line that names the
 *   folder. A `VectorStreamError` passes unchanged.
 */
export function openDataFolder<T>(folder: string, open: () => T): T {
  try {
    makeFolder(folder);
    return open();
  } catch (error) {
    if (error instanceof VectorStreamError || !(error instanceof Error)) throw error;
    throw new UsageError(problemOf(folder, error), { cause: error });
  }
}

function problemOf(folder: string, error: Error): string {
  const primary = primaryCode(error);
  if (primary === sqliteCode.notadb || primary === sqliteCode.corrupt) {
    return (
      `${databaseFile(folder)} is damaged or not a database: ` +
      'restore it from a backup, or move it away and read the events again.'
    );
  }
  if (primary === sqliteCode.full) {
    return (
      `The disk of the data folder ${folder} is full: ` +
      'free some space, or choose another folder with VECTORSTREAM_DATA_DIR.'
    );
  }
  return (
    `The data folder ${folder} cannot be used (${error.message}): ` +
    'it must be a folder that this user can write, see VECTORSTREAM_DATA_DIR.'
  );
}

/**
 * Prepares each SQL text once. Filters produce many texts, so only the newest `sizeMax` statements
 * are kept.
 */
export class Statements {
  readonly #database: DatabaseSync;
  readonly #prepared: BoundedMap<string, StatementSync>;

  constructor(database: DatabaseSync, sizeMax: number) {
    this.#database = database;
    this.#prepared = new BoundedMap(() => sizeMax);
  }

  get(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#prepared.set(sql, statement);
    return statement;
  }
}
