// The worker that writes `vectorstream.db`, and the only one: all waiting calls share a
// transaction.

import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '#core/errors/assert.ts';
import { lockFile } from '../../system/folder-holder.ts';
import { watchFiles } from './files-in-place.ts';
import { lockFolder } from './folder-lock.ts';
import { createGroupCommit } from './group-commit.ts';
import { scrubDatabase } from './scrub.ts';
import { databaseFile, openDatabase, openDataFolder, walFile } from './sql/database.ts';
import { createDeadLetterWrites } from './sql/dead-letter-tables.ts';
import { createLogErasure } from './sql/log-erasure.ts';
import { LogState } from './sql/log-state.ts';
import { createLogWrites } from './sql/log-writes.ts';
import { prepareSchema } from './sql/schema.ts';
import { createSessionWrites } from './sql/session-tables.ts';
import { asDependencyError } from './sql/sqlite-errors.ts';
import { createStoreWrites } from './sql/store-writes.ts';
import { createWalBound } from './wal-bound.ts';
import { serve } from './worker-rpc.ts';
import type { WriterApi, WriterOptions } from './writer-api.ts';

/** Keeps the pages of random inserts (ids, users, sessions) in memory. */
const cacheKib = 16 * 1024;
/** Pages of WAL after which SQLite copies them into the database (32 MiB). */
const checkpointPages = 4096;
const walBytesMax = 128 * 2 ** 20;
const walBytesBetweenTries = 16 * 2 ** 20;
const walWaitMs = 100;
/** A gateway without any write notices within this time that its files were taken away. */
const watchMs = 500;

/** Cannot run in a transaction. */
const scrub = 'scrub' satisfies keyof WriterApi;

const { folder, identity, partitions, bounds }: WriterOptions = workerData;
assert(parentPort !== null, 'The database writer runs outside of a worker');

serve(parentPort, (report) =>
  openDataFolder(folder, () => {
    const lock = lockFolder(folder);
    const database = openDatabase(folder, { readOnly: false, cacheKib });
    const count = prepareSchema(database, databaseFile(folder), identity, partitions);
    database.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}`);
    const log = new LogState(database, count);
    const handlers = {
      ...createLogWrites(database, log, bounds),
      ...createLogErasure(database, count),
      ...createStoreWrites(database),
      ...createSessionWrites(database),
      ...createDeadLetterWrites(database, () => true),
      scrub: () => scrubDatabase(database, databaseFile(folder)),
    };
    const verify = watchFiles([databaseFile(folder), walFile(folder), lockFile(folder)]);
    const commitGroup = createGroupCommit({
      database,
      handlers,
      reload: () => log.reload(),
      verify,
    });
    const keepWalSmall = createWalBound(database, {
      file: walFile(folder),
      bytesMax: walBytesMax,
      bytesBetweenTries: walBytesBetweenTries,
      waitMs: walWaitMs,
    });
    const watch = setInterval(() => {
      try {
        verify();
      } catch (error) {
        report(error);
      }
    }, watchMs);

    return {
      answer: (calls) => {
        const grouped = calls.filter(({ method }) => method !== scrub);
        if (grouped.length > 0 && commitGroup(grouped)) keepWalSmall();
        for (const call of calls.filter(({ method }) => method === scrub)) {
          try {
            call.resolve(handlers.scrub());
          } catch (error) {
            call.reject(asDependencyError(error));
          }
        }
      },
      close: async () => {
        clearInterval(watch);
        database.close();
        lock.close();
      },
    };
  }),
);
