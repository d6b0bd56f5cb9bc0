// Removes what deleted rows have left in the write-ahead log, and in a database file of an earlier
// version of this program: since then, deleting overwrites.

import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { DependencyError } from '#core/errors/errors.ts';

/** A rewrite of this many bytes takes a few seconds, during which nothing else is written. */
const rewriteBytesMax = 512 * 2 ** 20;

/**
 * Rewrites the file without its deleted rows, if it is not too large, and empties the write-ahead
 * log.
 *
 * @throws DependencyError (retryable) while a reader keeps the log in use
 */
export function scrubDatabase(database: DatabaseSync, file: string): void {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) <= rewriteBytesMax) {
    // The copy goes to a temporary file instead of memory.
    database.exec('PRAGMA temp_store = FILE');
    try {
      database.exec('VACUUM');
    } finally {
      database.exec('PRAGMA temp_store = MEMORY');
    }
  }
  const { busy } = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() ?? {};
  if (Number(busy) === 0) return;
  throw new DependencyError('embedded', 'busy', 'a reader keeps the write-ahead log in use', {
    retryable: true,
  });
}
