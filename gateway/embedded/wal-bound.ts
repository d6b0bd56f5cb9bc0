// Keeps the write-ahead log small. This is housekeeping: it never fails a write, and holds the only
// writer for a fraction of a second at most.

import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { busyTimeoutMs } from './sql/database.ts';

export type WalBoundOptions = {
  /** The write-ahead log's file. */
  readonly file: string;
  /** The size above which the log is emptied as soon as the readers allow it. */
  readonly bytesMax: number;
  /** The log grows by this much after a try in vain, before the next one. */
  readonly bytesBetweenTries: number;
  /**
   * How long one try waits for readers. Without any wait, the log would grow for as long as
   * searches overlap.
   */
  readonly waitMs: number;
};

/**
 * The function is called after a commit. It copies what it can into the database and empties the
 * log. A long reader or a full disk prevents that; the pages then stay in the log until a later
 * try.
 */
export function createWalBound(
  database: Pick<DatabaseSync, 'exec'>,
  { file, bytesMax, bytesBetweenTries, waitMs }: WalBoundOptions,
): () => void {
  let triedAtBytes = 0;
  const bytes = (): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return () => {
    try {
      const size = bytes();
      if (size <= bytesMax) {
        triedAtBytes = 0;
        return;
      }
      if (triedAtBytes > 0 && size < triedAtBytes + bytesBetweenTries) return;
      triedAtBytes = size;
      database.exec(`PRAGMA busy_timeout = ${waitMs}`);
      try {
        database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      } finally {
        database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
      }
    } catch {
      // Everything committed is in the log. If the trouble lasts, the next call reports it.
    }
  };
}
