// Runs a group of calls in one transaction, and answers each call only after the commit. A call
// that fails does not undo the others.

import type { DatabaseSync } from 'node:sqlite';
import { DependencyError } from '#core/errors/errors.ts';
import { synchronousFor } from './durability.ts';
import { asDependencyError } from './sql/sqlite-errors.ts';
import { type Call, handlerOf } from './worker-rpc.ts';
import type { WriterApi } from './writer-api.ts';

/**
 * The function returns whether the transaction was committed, and ends every call in any case.
 *
 * @param onRollback called after the changes of a call, or of the whole group, were undone
 */
export function createGroupCommit(
  database: DatabaseSync,
  handlers: WriterApi,
  onRollback: () => void,
): (calls: readonly Call[]) => boolean {
  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');
  const rollback = database.prepare('ROLLBACK');
  const savepoint = database.prepare('SAVEPOINT one_call');
  const release = database.prepare('RELEASE one_call');
  const rollbackCall = database.prepare('ROLLBACK TO one_call');

  const run = (call: Call): unknown => {
    const handler = handlerOf(handlers, call);
    savepoint.run();
    try {
      return handler(call.argument);
    } catch (error) {
      // When the disk is full, SQLite may have rolled back the whole transaction already.
      if (database.isTransaction) rollbackCall.run();
      onRollback();
      throw error;
    } finally {
      if (database.isTransaction) release.run();
    }
  };

  return (calls) => {
    const unanswered = new Map<Call, unknown>(calls.map((call) => [call, undefined]));
    try {
      database.exec(`PRAGMA synchronous = ${synchronousFor(calls)}`);
      begin.run();
      for (const call of calls) {
        try {
          unanswered.set(call, run(call));
        } catch (error) {
          if (!database.isTransaction) throw error;
          unanswered.delete(call);
          call.reject(asDependencyError(error));
        }
      }
      commit.run();
    } catch (error) {
      if (database.isTransaction) rollback.run();
      onRollback();
      for (const call of unanswered.keys()) call.reject(groupError(error));
      return false;
    }
    for (const [call, value] of unanswered) call.resolve(value);
    return true;
  };
}

/** No single call is at fault when the transaction fails, so every call may be repeated. */
function groupError(error: unknown): unknown {
  const known = asDependencyError(error);
  if (!(known instanceof DependencyError) || known.retryable) return known;
  return new DependencyError('embedded', known.code, known.message, {
    retryable: true,
    cause: error,
  });
}
