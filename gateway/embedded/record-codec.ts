// Packs log records into one buffer and unpacks them unchanged. Transferring one buffer to
// another thread costs nothing; a thousand small arrays would be copied.
//
//   record   timestamp f64 · key length u32 (all ones: no key) · headers length u32 ·
//            value length u32 · key · headers · value
//   header   name length u32 · value length u32 · name (UTF-8) · value

import type { LogRecord } from '#core/ports.ts';
import { damagedValue } from './sql/sqlite-errors.ts';

/**
 * A record with packed headers, as the log stores it. Unpacked byte arrays are views on the buffer
 * that they were read from.
 */
export type PackedRecord = {
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly headers: Uint8Array;
  readonly value: Uint8Array;
};

const fixedBytes = 20;
const noKey = 0xffffffff;
const noHeaders = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The packed size of a record. The bounds of the log count it. */
export function packedBytes(record: PackedRecord): number {
  return fixedBytes + (record.key?.length ?? 0) + record.headers.length + record.value.length;
}

export function packRecords(records: readonly PackedRecord[]): Uint8Array {
  let size = 0;
  for (const record of records) size += packedBytes(record);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { timestamp, key, headers, value } of records) {
    view.setFloat64(at, timestamp);
    view.setUint32(at + 8, key?.length ?? noKey);
    view.setUint32(at + 12, headers.length);
    view.setUint32(at + 16, value.length);
    at += fixedBytes;
    for (const part of [key, headers, value]) {
      if (part === null) continue;
      bytes.set(part, at);
      at += part.length;
    }
  }
  return bytes;
}

export function unpackRecords(bytes: Uint8Array): PackedRecord[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: PackedRecord[] = [];
  for (let at = 0; at < bytes.length;) {
    const timestamp = view.getFloat64(at);
    const keyLength = view.getUint32(at + 8);
    const headersLength = view.getUint32(at + 12);
    const valueLength = view.getUint32(at + 16);
    const keyAt = at + fixedBytes;
    const headersAt = keyAt + (keyLength === noKey ? 0 : keyLength);
    const valueAt = headersAt + headersLength;
    at = valueAt + valueLength;
    records.push({
      timestamp,
      key: keyLength === noKey ? null : bytes.subarray(keyAt, headersAt),
      headers: bytes.subarray(headersAt, valueAt),
      value: bytes.subarray(valueAt, at),
    });
  }
  return records;
}

/** The records of one request share their headers, which are packed once. */
export function packLogRecords(records: readonly LogRecord[]): Uint8Array {
  let before: LogRecord['headers'] | null = null;
  let packed: Uint8Array = noHeaders;
  return packRecords(
    records.map(({ timestamp, key, headers, value }) => {
      if (headers !== before) packed = packHeaders(headers);
      before = headers;
      return { timestamp, key, headers: packed, value };
    }),
  );
}

/** Records in a row with the same headers share them. */
export function unpackLogRecords(bytes: Uint8Array): LogRecord[] {
  let packed: Uint8Array = noHeaders;
  let shared = unpackHeaders(packed);
  return unpackRecords(bytes).map(({ timestamp, key, headers, value }) => {
    if (Buffer.compare(headers, packed) !== 0) shared = unpackHeaders(headers);
    packed = headers;
    return { timestamp, key, value, headers: shared };
  });
}

/** A header may have any name, even `__proto__`: hence `Object.entries` instead of `for … in`. */
export function packHeaders(headers: LogRecord['headers']): Uint8Array {
  const entries = Object.entries(headers).map(([name, value]) => ({
    name: encoder.encode(name),
    value,
  }));
  if (entries.length === 0) return noHeaders;
  const bytes = new Uint8Array(
    entries.reduce((size, { name, value }) => size + 8 + name.length + value.length, 0),
  );
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { name, value } of entries) {
    view.setUint32(at, name.length);
    view.setUint32(at + 4, value.length);
    bytes.set(name, at + 8);
    bytes.set(value, at + 8 + name.length);
    at += 8 + name.length + value.length;
  }
  return bytes;
}

/** @throws DependencyError when the bytes are not what `packHeaders` made. */
export function unpackHeaders(bytes: Uint8Array): LogRecord['headers'] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: [string, Uint8Array][] = [];
  for (let at = 0; at < bytes.length;) {
    const valueAt = at + 8 <= bytes.length ? at + 8 + view.getUint32(at) : Infinity;
    const end = valueAt < Infinity ? valueAt + view.getUint32(at + 4) : Infinity;
    if (end > bytes.length) throw damagedValue('the headers of a record end too early');
    entries.push([decoder.decode(bytes.subarray(at + 8, valueAt)), bytes.subarray(valueAt, end)]);
    at = end;
  }
  return Object.fromEntries(entries);
}
