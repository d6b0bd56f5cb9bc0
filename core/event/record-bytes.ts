// Measures how much memory a record takes. Every bound on records uses this measure.

import type { LogRecord } from '#core/ports.ts';

/** Estimated memory of a record, and of each header, besides their bytes. */
const overheadBytes = 64;

/**
 * Bytes of the key, the value and the headers with their names, plus overhead. Headers that repeat
 * a name count too.
 */
export function recordBytes({
  key,
  value,
  headers,
  repeatedHeaderBytes = 0,
}: Omit<LogRecord, 'timestamp'>): number {
  let bytes = overheadBytes + (key?.length ?? 0) + value.length + repeatedHeaderBytes;
  for (const [name, header] of Object.entries(headers)) bytes += headerBytes(name, header);
  return bytes;
}

export const headerBytes = (name: string, header: Uint8Array): number =>
  overheadBytes + name.length + header.length;
