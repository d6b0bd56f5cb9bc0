// Decides which writes reach the disk before they are answered: those whose answer promises that
// they survive a power loss.

import type { WriterApi } from './writer-api.ts';

/**
 * All other writes survive the death of the process, because the kernel holds what was written. A
 * power loss may undo them, but never out of order: the write-ahead log is one file, which is
 * recovered up to its first torn frame. A committed offset therefore never survives without the
 * store writes and dead letters before it. At worst, events are delivered again.
 */
const syncedMethods: ReadonlySet<string> = new Set([
  'append',
  'putDeadLetters',
  'setDeadLetterStatus',
  'addTombstones',
  'putErasure',
] satisfies (keyof WriterApi)[]);

/** SQLite's `synchronous` for one transaction that contains all of these calls. */
export function synchronousFor(calls: readonly { readonly method: string }[]): 'FULL' | 'NORMAL' {
  return calls.some(({ method }) => syncedMethods.has(method)) ? 'FULL' : 'NORMAL';
}
