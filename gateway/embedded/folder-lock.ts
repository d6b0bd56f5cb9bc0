// Lets one process at a time use a data folder, and frees it however that process ends.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { UsageError } from '#core/errors/errors.ts';
import { primaryCode, sqliteCode } from './sql/sqlite-errors.ts';

/**
 * Holds SQLite's write lock on a small database beside the data. The operating system drops it with
 * the process, SIGKILL included, so nothing stale is left to clean up; and it lets others read, so
 * that they can name the holder. Throws `UsageError` when another process has it. Closing the
 * result frees the folder.
 */
export function lockFolder(folder: string): DatabaseSync {
  const lock = new DatabaseSync(join(folder, 'vectorstream.lock'));
  try {
    lock.exec(
      'PRAGMA busy_timeout = 0; BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS holder (pid INTEGER); DELETE FROM holder;',
    );
    lock.prepare('INSERT INTO holder (pid) VALUES (?)').run(process.pid);
    // The pid is committed for others to read; the second transaction is the lock, and it never
    // commits.
    lock.exec('COMMIT; BEGIN IMMEDIATE;');
    return lock;
  } catch (error) {
    if (primaryCode(error) !== sqliteCode.busy) {
      lock.close();
      throw error;
    }
    const pid = holderOf(lock);
    lock.close();
    const who = pid === null ? 'another process' : `process ${pid}`;
    throw new UsageError(
      `The data folder ${folder} is in use by ${who}: stop it, or give this one another folder with VECTORSTREAM_DATA_DIR.`,
      { cause: error },
    );
  }
}

function holderOf(lock: DatabaseSync): number | null {
  try {
    const pid = lock.prepare('SELECT pid FROM holder').get()?.['pid'];
    return typeof pid === 'number' ? pid : null;
  } catch {
    // The holder is between creating the table and committing its pid.
    return null;
  }
}
