// Says what the bytes of a record are that hold no JSON, and what to write instead.

import { mayBeMessagePack } from './message-pack.ts';

const json = 'JSON in UTF-8';
const converter = 'org.apache.kafka.connect.json.JsonConverter or JSON Schema';

type Kind = {
  readonly is: (bytes: Uint8Array) => boolean;
  readonly got: string;
  readonly write: string;
};

const startsWith =
  (...start: readonly number[]) =>
  (bytes: Uint8Array): boolean =>
    start.every((byte, at) => bytes[at] === byte);
const startsWithText = (text: string) => startsWith(...new TextEncoder().encode(text));

const uncompressed = `${json}; Kafka compresses by itself (compression.type)`;
const compressed = (got: string, ...start: readonly number[]): Kind => ({
  is: startsWith(...start),
  got: `bytes in ${got}`,
  write: uncompressed,
});

const kinds: readonly Kind[] = [
  {
    is: (bytes) => bytes.length === 0,
    got: 'an empty value',
    write: `${json}, or null for a tombstone`,
  },
  compressed('gzip', 0x1f, 0x8b),
  compressed('zstd', 0x28, 0xb5, 0x2f, 0xfd),
  compressed('LZ4', 0x04, 0x22, 0x4d, 0x18),
  compressed('Snappy', 0xff, 0x06, 0x00, 0x00, 0x73, 0x4e),
  compressed('bzip2', 0x42, 0x5a, 0x68),
  compressed('zip', 0x50, 0x4b, 0x03, 0x04),
  { is: isUtf16, got: 'text in UTF-16', write: json },
  { is: startsWithText('<'), got: 'XML', write: json },
  { is: startsWithText('PAR1'), got: 'a Parquet file', write: `${json}, one event a record` },
  {
    is: startsWith(0x4f, 0x62, 0x6a, 0x01),
    got: 'an Avro container file',
    write: `${json} (${converter})`,
  },
  {
    is: startsWith(0xc3, 0x01),
    got: 'Avro in its single-object encoding',
    write: `${json} (${converter})`,
  },
  { is: startsWith(0xac, 0xed, 0x00, 0x05), got: 'a serialised Java object', write: json },
];

/** The end of a rejection's message, `got …, allowed: …`; `null` for text. */
export function foreignBytes(bytes: Uint8Array): string | null {
  const kind = kinds.find(({ is }) => is(bytes));
  if (kind !== undefined) return `got ${kind.got}, allowed: ${kind.write}`;
  if (bytes[0] === 0 && bytes.length > 5) return withSchemaId(bytes);
  if (isText(bytes)) return null;
  const other = mayBeMessagePack(bytes)
    ? 'MessagePack that breaks off, or other binary data'
    : 'Avro without a schema id, or other binary data';
  const format = isProtobuf(bytes) ? 'Protobuf without a schema id' : other;
  return `got ${format}, allowed: ${json} (${converter}), or MessagePack`;
}

/** The wire format of Confluent's Schema Registry: a zero, the schema's id, and the data. */
function withSchemaId(bytes: Uint8Array): string {
  const id = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
  // Protobuf has the path to its message before it, which is a zero for the first one.
  const format = bytes[5] === 0 ? 'Protobuf (or Avro)' : 'Avro (or Protobuf)';
  return (
    `got ${format} with the schema id ${id}, which needs a Schema Registry to be read: name it ` +
    `in SCHEMA_REGISTRY_URL, allowed: ${json}, also with a schema id (${converter})`
  );
}

/** Whether the bytes begin with a byte-order mark, or every second of the first ones is zero. */
function isUtf16(bytes: Uint8Array): boolean {
  if (startsWith(0xff, 0xfe)(bytes) || startsWith(0xfe, 0xff)(bytes)) return true;
  const [a, b, c, d] = bytes;
  return (
    bytes.length >= 4 &&
    ((a === 0 && b !== 0 && c === 0 && d !== 0) || (a !== 0 && b === 0 && c !== 0 && d === 0))
  );
}

/** UTF-8 without control characters, but for white space. */
function isText(bytes: Uint8Array): boolean {
  try {
    // oxlint-disable-next-line no-control-regex -- these characters are what is looked for
    return !/[\u0000-\u0008\u000e-\u001f]/.test(utf8.decode(bytes));
  } catch {
    return false;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Whether the bytes are fields of Protobuf to their end: a tag and what it announces, each. */
function isProtobuf(bytes: Uint8Array): boolean {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++] ?? Number.NaN;
      value += (byte & 0x7f) * 2 ** shift;
      if (Number.isNaN(byte) || byte < 0x80) return Number.isNaN(byte) ? Number.NaN : value;
    }
    return Number.NaN;
  };
  while (at < bytes.length) {
    const tag = varint();
    if (!(tag >= 8)) return false;
    const type = tag % 8;
    if (type === 0 && Number.isNaN(varint())) return false;
    if (type === 3 || type === 4 || type > 5) return false;
    if (type === 1) at += 8;
    if (type === 5) at += 4;
    const size = type === 2 ? varint() : 0;
    at += size;
    if (!(at <= bytes.length)) return false;
  }
  return bytes.length > 0;
}

const lookedAtMax = 64 * 1024;

/** What is wrong with text that is not JSON, if it is a known mistake; else `null`. */
export function foreignText(bytes: Uint8Array): string | null {
  const text = new TextDecoder().decode(bytes.subarray(0, lookedAtMax));
  if (/[:,[]\s*-?(?:NaN|Infinity)\s*[,}\]]/.test(text))
    return 'got NaN or Infinity, which JSON does not have, allowed: a number, or null';
  if (/^\s*[{[]\s*'/.test(text))
    return 'got text in single quotes, allowed: JSON (in Python: json.dumps)';
  const tabs = text.split('\t').length - 1;
  if (tabs >= 3 && !text.trimStart().startsWith('{'))
    return `got tab-separated text with ${tabs + 1} fields, allowed: ${json}`;
  if (/^[\w.%-]+=[^&\s]*(?:&[\w.%-]+=[^&\s]*)+$/.test(text))
    return `got the fields of a form, allowed: ${json}`;
  return null;
}
