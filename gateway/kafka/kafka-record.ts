// Turns a message of the Kafka client into a record.

import type { KafkaMessage } from 'kafkajs';
import type { LogRecord } from '#core/ports.ts';

/** A record with its offset in its partition. */
export type FetchedRecord = LogRecord & { readonly offset: number };

const noBytes = new Uint8Array();

export const recordOfMessage = ({
  key,
  value,
  headers,
  timestamp,
  offset,
}: KafkaMessage): FetchedRecord => ({
  key,
  value: value ?? noBytes,
  headers: headersOf(headers),
  timestamp: Math.max(0, Number(timestamp)),
  offset: Number(offset),
});

/** Of several headers with one name the last counts, as in Kafka's own `lastHeader`. */
function headersOf(headers: KafkaMessage['headers']): Record<string, Uint8Array> {
  return Object.fromEntries(
    Object.entries(headers ?? {}).map(([name, value]) => {
      const last = Array.isArray(value) ? value.at(-1) : value;
      return [name, typeof last === 'string' ? Buffer.from(last) : (last ?? noBytes)];
    }),
  );
}
