// The worker that writes `vectorstream.db`, the only one: whatever waits is written in one
// transaction, and is answered once it is safe.

import { statSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '#core/errors/assert.ts';
import { DependencyError } from '#core/errors/errors.ts';
import { synchronousFor } from './durability.ts';
import { lockFolder } from './folder-lock.ts';
import { databaseFile, openDatabase, opening } from './sql/database.ts';
import { createDeadLetterWrites } from './sql/dead-letter-tables.ts';
import { createLogWrites, LogState } from './sql/log-writes.ts';
import { prepareSchema } from './sql/schema.ts';
import { createSessionWrites } from './sql/session-tables.ts';
import { asDependencyError } from './sql/sqlite-errors.ts';
import { createStoreWrites } from './sql/store-writes.ts';
import { type Call, handlerOf, serve } from './worker-rpc.ts';
import type { WriterApi, WriterOptions } from './writer-api.ts';

/** Pages of random inserts (ids, users, sessions) that stay in memory. */
const cacheKib = 16 * 1024;
/** Pages of WAL after which SQLite copies them into the database (32 MiB). */
const checkpointPages = 4096;
/**
 * Size of the WAL at which readers are waited for, so that it cannot grow for ever under unbroken
 * searches.
 */
const walBytesMax = 128 * 2 ** 20;

const { folder, identity, partitions, bounds }: WriterOptions = workerData;
assert(parentPort !== null, 'The database writer runs outside of a worker');

serve(parentPort, () =>
  opening(folder, () => {
    const lock = lockFolder(folder);
    const database = openDatabase(folder, { readOnly: false, cacheKib });
    const count = prepareSchema(database, databaseFile(folder), identity, partitions);
    database.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}`);
    const log = new LogState(database, count);
    const handlers: WriterApi = {
      ...createLogWrites(database, log, bounds),
      ...createStoreWrites(database),
      ...createSessionWrites(database),
      ...createDeadLetterWrites(database),
    };

    const begin = database.prepare('BEGIN IMMEDIATE');
    const commit = database.prepare('COMMIT');
    const rollback = database.prepare('ROLLBACK');
    const savepoint = database.prepare('SAVEPOINT one_call');
    const release = database.prepare('RELEASE one_call');
    const rollbackOne = database.prepare('ROLLBACK TO one_call');

    const runOne = (call: Call): unknown => {
      const handler = handlerOf(handlers, call);
      savepoint.run();
      try {
        return handler(call.argument);
      } catch (error) {
        // A full disk may have rolled back the whole transaction already.
        if (database.isTransaction) rollbackOne.run();
        log.reload();
        throw error;
      } finally {
        if (database.isTransaction) release.run();
      }
    };

    const answer = (calls: readonly Call[]): void => {
      const unanswered = new Map<Call, unknown>(calls.map((call) => [call, undefined]));
      try {
        database.exec(`PRAGMA synchronous = ${synchronousFor(calls)}`);
        begin.run();
        for (const call of calls) {
          try {
            unanswered.set(call, runOne(call));
          } catch (error) {
            if (!database.isTransaction) throw error;
            unanswered.delete(call);
            call.reject(asDependencyError(error));
          }
        }
        commit.run();
      } catch (error) {
        if (database.isTransaction) rollback.run();
        log.reload();
        for (const call of unanswered.keys()) call.reject(blameless(error));
        return;
      }
      for (const [call, value] of unanswered) call.resolve(value);
      if (walBytes(folder) > walBytesMax) database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    };

    return {
      answer,
      close: async () => {
        database.close();
        lock.close();
      },
    };
  }),
);

/** A failure of the transaction is no call's own fault, whatever its code: all may be repeated. */
function blameless(error: unknown): unknown {
  const known = asDependencyError(error);
  if (!(known instanceof DependencyError) || known.retryable) return known;
  return new DependencyError('embedded', known.code, known.message, {
    retryable: true,
    cause: error,
  });
}

function walBytes(of: string): number {
  return statSync(`${databaseFile(of)}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}
