// How much memory a record takes: the one measure behind every bound on records.

import type { LogRecord } from '#core/ports.ts';

/** What a record and each of its headers take besides their bytes. */
const overheadBytes = 64;

/** Key, value and headers with their names, in bytes. */
export function recordBytes({ key, value, headers }: Omit<LogRecord, 'timestamp'>): number {
  let bytes = overheadBytes + (key?.length ?? 0) + value.length;
  for (const [name, header] of Object.entries(headers))
    bytes += overheadBytes + name.length + header.length;
  return bytes;
}
