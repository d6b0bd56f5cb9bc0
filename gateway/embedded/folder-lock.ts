// Lets only one process at a time use a data folder, and frees the folder when that process ends,
// in whatever way.

import { DatabaseSync } from 'node:sqlite';
import { UsageError } from '#core/errors/errors.ts';
import { holderIn, lockFile } from '../../system/folder-holder.ts';
import { primaryCode, sqliteCode } from './sql/sqlite-errors.ts';

/**
 * Holds SQLite's write lock on a small database beside the data. The operating system releases the
 * lock when the process ends, even by SIGKILL, so no stale lock remains. Other processes can still
 * read the database and name the holder. Closing the result frees the folder.
 *
 * @throws UsageError when another process has the lock
 */
export function lockFolder(folder: string): DatabaseSync {
  const lock = new DatabaseSync(lockFile(folder));
  try {
    lock.exec('PRAGMA busy_timeout = 0; BEGIN IMMEDIATE');
    lock.exec('CREATE TABLE IF NOT EXISTS holder (pid INTEGER); DELETE FROM holder');
    lock.prepare('INSERT INTO holder (pid) VALUES (?)').run(process.pid);
    // Others can read the committed pid. The second transaction is the lock and never commits.
    lock.exec('COMMIT; BEGIN IMMEDIATE;');
    return lock;
  } catch (error) {
    if (primaryCode(error) !== sqliteCode.busy) {
      lock.close();
      throw error;
    }
    const pid = holderIn(lock);
    lock.close();
    const who = pid === null ? 'another process' : `process ${pid}`;
    throw new UsageError(
      `The data folder ${folder} is in use by ${who}: ` +
        'stop it, or give this one another folder with VECTORSTREAM_DATA_DIR.',
      { cause: error },
    );
  }
}
