// Runs a group of calls in one transaction, and answers each call only after the commit. A call
// that fails does not undo the others.

import type { DatabaseSync } from 'node:sqlite';
import { DependencyError } from '#core/errors/errors.ts';
import { synchronousFor } from './durability.ts';
import { asDependencyError } from './sql/sqlite-errors.ts';
import { type Call, handlerOf } from './worker-rpc.ts';
import type { WriterApi } from './writer-api.ts';

export type GroupCommitOptions = {
  readonly database: DatabaseSync;
  readonly handlers: WriterApi;
  /**
   * Called before the next call after the changes of a call, or of the whole group, were undone.
   * When it throws, that call fails, and it is called again before the next one.
   */
  readonly reload: () => void;
  /** Called after the commit. When it throws, no call of the group is answered as done. */
  readonly verify: () => void;
};

/**
 * The function returns whether the transaction was committed and verified. It ends every call in
 * any case, and throws nothing that a full or failing disk causes.
 */
export function createGroupCommit({
  database,
  handlers,
  reload,
  verify,
}: GroupCommitOptions): (calls: readonly Call[]) => boolean {
  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');
  const rollback = database.prepare('ROLLBACK');
  const savepoint = database.prepare('SAVEPOINT one_call');
  const release = database.prepare('RELEASE one_call');
  const rollbackCall = database.prepare('ROLLBACK TO one_call');

  let isStale = false;

  const run = (call: Call): unknown => {
    const handler = handlerOf(handlers, call);
    savepoint.run();
    try {
      if (isStale) reload();
      isStale = false;
      return handler(call.argument);
    } catch (error) {
      // When the disk is full, SQLite may have rolled back the whole transaction already.
      isStale = true;
      if (database.isTransaction) rollbackCall.run();
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
      verify();
    } catch (error) {
      isStale = true;
      if (database.isTransaction) rollback.run();
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
