// Turns a message of kafkajs into a record.

import type { KafkaMessage } from 'kafkajs';
import { type FetchedRecord, noBytes, recordOf } from '../kafka-record.ts';

export const recordOfMessage = ({
  key,
  value,
  headers,
  timestamp,
  offset,
}: KafkaMessage): FetchedRecord =>
  recordOf({
    key,
    value,
    headers: Object.entries(headers ?? {}).flatMap(([name, received]) =>
      (Array.isArray(received) ? received : [received]).map((each): [string, Uint8Array] => [
        name,
        bytesOf(each),
      ]),
    ),
    timestamp: Number(timestamp),
    offset: Number(offset),
  });

const bytesOf = (value: string | Uint8Array | undefined): Uint8Array =>
  typeof value === 'string' ? Buffer.from(value) : (value ?? noBytes);
