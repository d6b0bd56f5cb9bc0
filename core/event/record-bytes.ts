// Measures how much memory a record takes. Every bound on records uses this measure.

import type { LogRecord } from '#core/ports.ts';

/** Estimated memory of a record, and of each header, besides their bytes. */
const overheadBytes = 64;

/** Bytes of the key, the value and the headers with their names, plus overhead. */
export function recordBytes({ key, value, headers }: Omit<LogRecord, 'timestamp'>): number {
  let bytes = overheadBytes + (key?.length ?? 0) + value.length;
  for (const [name, header] of Object.entries(headers))
    bytes += overheadBytes + name.length + header.length;
  return bytes;
}
