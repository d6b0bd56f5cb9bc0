// Turns a message of the Kafka client into a record.

import type { KafkaMessage } from 'kafkajs';
import { headerBytes } from '#core/event/record-bytes.ts';
import type { LogRecord } from '#core/ports.ts';

/** A record with its offset in its partition. */
export type FetchedRecord = LogRecord & { readonly offset: number };

const noBytes = new Uint8Array();

export function recordOfMessage({
  key,
  value,
  headers,
  timestamp,
  offset,
}: KafkaMessage): FetchedRecord {
  return {
    key,
    value: value ?? noBytes,
    ...(value === null && { isTombstone: true }),
    ...headersOf(headers),
    timestamp: Math.max(0, Number(timestamp)),
    offset: Number(offset),
  };
}

/**
 * The headers of a record. Of several with one name the last counts, as in Kafka's own
 * `lastHeader`.
 */
function headersOf(
  received: KafkaMessage['headers'],
): Pick<LogRecord, 'headers' | 'repeatedHeaderBytes'> {
  let repeatedHeaderBytes = 0;
  const headers = Object.fromEntries(
    Object.entries(received ?? {}).map(([name, value]) => {
      const values = Array.isArray(value) ? value.map(bytesOf) : [bytesOf(value)];
      const last = values.pop() ?? noBytes;
      for (const earlier of values) repeatedHeaderBytes += headerBytes(name, earlier);
      return [name, last];
    }),
  );
  return repeatedHeaderBytes === 0 ? { headers } : { headers, repeatedHeaderBytes };
}

const bytesOf = (value: string | Uint8Array | undefined): Uint8Array =>
  typeof value === 'string' ? Buffer.from(value) : (value ?? noBytes);
