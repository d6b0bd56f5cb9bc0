// Turns what a client library has fetched into a record.

import { headerBytes } from '#core/event/record-bytes.ts';
import type { LogRecord } from '#core/ports.ts';

/** A record with its offset in its partition. */
export type FetchedRecord = LogRecord & { readonly offset: number };

export type FetchedFields = {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** In their order; a name may come several times. */
  readonly headers: readonly (readonly [name: string, value: Uint8Array])[];
  readonly timestamp: number;
  readonly offset: number;
};

export const noBytes = new Uint8Array();

export function recordOf({ key, value, headers, timestamp, offset }: FetchedFields): FetchedRecord {
  return {
    key,
    value: value ?? noBytes,
    ...(value === null && { isTombstone: true }),
    ...headersOf(headers),
    timestamp: Math.max(0, timestamp),
    offset,
  };
}

/** Of several headers with one name the last counts, as in Kafka's own `lastHeader`. */
function headersOf(
  received: FetchedFields['headers'],
): Pick<LogRecord, 'headers' | 'repeatedHeaderBytes'> {
  const last = new Map(received);
  if (last.size === received.length) return { headers: Object.fromEntries(last) };
  const all = received.reduce((sum, [name, value]) => sum + headerBytes(name, value), 0);
  const kept = last.entries().reduce((sum, [name, value]) => sum + headerBytes(name, value), 0);
  return { headers: Object.fromEntries(last), repeatedHeaderBytes: all - kept };
}
