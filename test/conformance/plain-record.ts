// A record in a form that compares and prints well, whatever kind of Uint8Array holds its bytes.

import type { LogRecord } from '#core/ports.ts';

export type PlainRecord = {
  readonly key: string | null;
  readonly value: string;
  readonly headers: Record<string, string>;
  readonly timestamp: number;
};

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export function plainRecord({ key, value, headers, timestamp }: LogRecord): PlainRecord {
  return {
    key: key && hex(key),
    value: hex(value),
    headers: Object.fromEntries(Object.entries(headers).map(([name, bytes]) => [name, hex(bytes)])),
    timestamp,
  };
}
