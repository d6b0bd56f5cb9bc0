// Says for each SQLite error whether the same call may succeed later, so that a full disk never
// counts as the fault of an event.

import { DependencyError, VectorStreamError } from '#core/errors/errors.ts';

/** The primary result codes that matter here: https://sqlite.org/rescode.html */
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

/** Codes of errors that the data of the call causes. */
const itemAtFault: ReadonlySet<number> = new Set([
  sqliteCode.toobig,
  sqliteCode.constraint,
  sqliteCode.mismatch,
  sqliteCode.range,
]);

/** The code of an error that is permanent, but not the fault of any call. */
export const damagedCode = 'corrupt';

const damagedText =
  'the file is damaged; restore it from a backup, or move it away and read the events again';

/**
 * The error for a stored value that no version of the program writes. SQLite keeps no checksums, so
 * that such damage shows only when the value is read.
 */
export function damagedValue(what: string, cause?: unknown): DependencyError {
  return new DependencyError(
    'embedded',
    damagedCode,
    `vectorstream.db: ${damagedText} (${what}).`,
    {
      retryable: true,
      cause,
    },
  );
}

/** @throws DependencyError when the stored JSON, which `what` names, cannot be read. */
// oxlint-disable-next-line typescript/no-explicit-any -- what JSON.parse returns
export function storedJson(json: string, what: string): any {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw damagedValue(`${what} is not JSON`, cause);
  }
}

const meanings: Readonly<Record<number, { readonly code: string; readonly text: string }>> = {
  [sqliteCode.busy]: { code: 'busy', text: 'the database is busy' },
  [sqliteCode.locked]: { code: 'busy', text: 'the database is busy' },
  [sqliteCode.readonly]: { code: 'read_only', text: 'the database cannot be written' },
  [sqliteCode.ioerr]: { code: 'io_error', text: 'the disk answered with an error' },
  [sqliteCode.corrupt]: {
    code: damagedCode,
    text: damagedText,
  },
  [sqliteCode.full]: { code: 'disk_full', text: 'the disk is full; free some space' },
  [sqliteCode.cantopen]: { code: 'io_error', text: 'the file cannot be opened' },
  [sqliteCode.notadb]: { code: damagedCode, text: 'the file is not a database' },
};

/** SQLite's primary result code of an error that `node:sqlite` threw; `null` for other errors. */
export function primaryCode(error: unknown): number | null {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode & 0xff
    : null;
}

/**
 * The `DependencyError` that a worker throws in place of a SQLite error. All other errors are
 * returned unchanged, as is an error of wrong SQL, which is a bug.
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
