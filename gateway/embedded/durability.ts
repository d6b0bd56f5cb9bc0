// Says which writes are synced to the disk before they are answered: those whose answer promises
// that a power loss does not undo them.

import type { WriterApi } from './writer-api.ts';

/**
 * The others survive the death of the process (what is written is in the kernel's hands) and may be
 * undone by a power loss, but never out of order: the write-ahead log is one file that is recovered
 * up to its first torn frame. So a commit of an offset cannot survive without the store writes and
 * dead letters before it; at worst events are delivered again.
 */
const synced: ReadonlySet<string> = new Set([
  'append',
  'putDeadLetters',
  'setDeadLetterStatus',
] satisfies (keyof WriterApi)[]);

/** SQLite's `synchronous` for the one transaction of all these calls. */
export function synchronousFor(calls: readonly { readonly method: string }[]): 'FULL' | 'NORMAL' {
  return calls.some(({ method }) => synced.has(method)) ? 'FULL' : 'NORMAL';
}
