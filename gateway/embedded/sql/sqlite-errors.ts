// Says of every SQLite error whether the same call may succeed later, so that no event is blamed
// for a full disk.

import { DependencyError, VectorStreamError } from '#core/errors/errors.ts';

/** Primary result codes that matter here: https://sqlite.org/rescode.html */
export const sqliteCode = {
  error: 1,
  perm: 3,
  busy: 5,
  locked: 6,
  readonly: 8,
  ioerr: 10,
  corrupt: 11,
  full: 13,
  cantopen: 14,
  toobig: 18,
  constraint: 19,
  mismatch: 20,
  range: 25,
  notadb: 26,
} as const;

/** Codes for which the data of the call is to blame. */
const itemAtFault: ReadonlySet<number> = new Set([
  sqliteCode.toobig,
  sqliteCode.constraint,
  sqliteCode.mismatch,
  sqliteCode.range,
]);

/** Of an error that does not pass, and is no call's own fault. */
export const damagedCode = 'corrupt';

const meanings: Readonly<Record<number, { readonly code: string; readonly text: string }>> = {
  [sqliteCode.busy]: { code: 'busy', text: 'the database is busy' },
  [sqliteCode.locked]: { code: 'busy', text: 'the database is busy' },
  [sqliteCode.readonly]: { code: 'read_only', text: 'the database cannot be written' },
  [sqliteCode.ioerr]: { code: 'io_error', text: 'the disk answered with an error' },
  [sqliteCode.corrupt]: {
    code: damagedCode,
    text: 'the file is damaged; restore it from a backup, or move it away and read the events again',
  },
  [sqliteCode.full]: { code: 'disk_full', text: 'the disk is full; free some space' },
  [sqliteCode.cantopen]: { code: 'io_error', text: 'the file cannot be opened' },
  [sqliteCode.notadb]: { code: damagedCode, text: 'the file is not a database' },
};

/** SQLite's primary result code of an error thrown by `node:sqlite`, else `null`. */
export function primaryCode(error: unknown): number | null {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode & 0xff
    : null;
}

/**
 * What a worker throws instead of a raw SQLite error. Wrong SQL is a bug and is returned as it is,
 * like any other error.
 */
export function asDependencyError(error: unknown): unknown {
  const primary = primaryCode(error);
  if (
    error instanceof VectorStreamError ||
    !(error instanceof Error) ||
    primary === null ||
    primary === sqliteCode.error
  )
    return error;
  const meaning = meanings[primary] ?? { code: `sqlite_${primary}`, text: 'SQLite refused' };
  return new DependencyError(
    'embedded',
    meaning.code,
    `vectorstream.db: ${meaning.text} (${error.message}).`,
    { retryable: !itemAtFault.has(primary), cause: error },
  );
}
