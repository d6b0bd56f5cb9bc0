// The worker that writes `vectorstream.db`, and the only one: all waiting calls share a
// transaction.

import { statSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '#core/errors/assert.ts';
import { lockFolder } from './folder-lock.ts';
import { createGroupCommit } from './group-commit.ts';
import { databaseFile, openDatabase, openDataFolder } from './sql/database.ts';
import { createDeadLetterWrites } from './sql/dead-letter-tables.ts';
import { LogState } from './sql/log-state.ts';
import { createLogWrites } from './sql/log-writes.ts';
import { prepareSchema } from './sql/schema.ts';
import { createSessionWrites } from './sql/session-tables.ts';
import { createStoreWrites } from './sql/store-writes.ts';
import { serve } from './worker-rpc.ts';
import type { WriterOptions } from './writer-api.ts';

/** Keeps the pages of random inserts (ids, users, sessions) in memory. */
const cacheKib = 16 * 1024;
/** Pages of WAL after which SQLite copies them into the database (32 MiB). */
const checkpointPages = 4096;
/**
 * Size of the WAL at which the writer waits for readers. Without this, the file would grow as long
 * as searches overlap.
 */
const walBytesMax = 128 * 2 ** 20;

const { folder, identity, partitions, bounds }: WriterOptions = workerData;
assert(parentPort !== null, 'The database writer runs outside of a worker');

serve(parentPort, () =>
  openDataFolder(folder, () => {
    const lock = lockFolder(folder);
    const database = openDatabase(folder, { readOnly: false, cacheKib });
    const count = prepareSchema(database, databaseFile(folder), identity, partitions);
    database.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}`);
    const log = new LogState(database, count);
    const handlers = {
      ...createLogWrites(database, log, bounds),
      ...createStoreWrites(database),
      ...createSessionWrites(database),
      ...createDeadLetterWrites(database),
    };
    const commitGroup = createGroupCommit(database, handlers, () => log.reload());

    return {
      answer: (calls) => {
        const isCommitted = commitGroup(calls);
        if (isCommitted && walBytes() > walBytesMax)
          database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      },
      close: async () => {
        database.close();
        lock.close();
      },
    };
  }),
);

function walBytes(): number {
  return statSync(`${databaseFile(folder)}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}
