// The formats in Kafka, tested without a broker: compressed bytes and dead letters survive encoding
// and decoding.

import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import kafkajs from 'kafkajs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import type { DeadLetter } from '#core/ports.ts';
import { kafkaEndpointOf } from '../../cli/generator/kafka-endpoint.ts';
import { redriveCountHeader } from '../../gateway/dead-letters/failure-headers.ts';
import { deadLetterOfRecord, recordOfDeadLetter } from '../../gateway/kafka/dead-letter-record.ts';
import { compressionTypes, registerCodecs } from '../../kafka/kafkajs/codecs.ts';
import { compressLz4Block, lz4BlockBytesMax } from '../../kafka/lz4-block.ts';
import { compressLz4, decompressLz4 } from '../../kafka/lz4-frames.ts';
import { compressSnappy, decompressSnappy } from '../../kafka/snappy-frames.ts';
import { plainRecord } from '../conformance/plain-record.ts';

const codecs = [
  { name: 'lz4', compress: compressLz4, decompress: decompressLz4 },
  { name: 'snappy', compress: compressSnappy, decompress: decompressSnappy },
] as const;

/** Like a batch of events: long repetitions with small changes, over several blocks. */
const repetitive = Buffer.from(
  Array.from(
    { length: 4_000 },
    (_, i) => `{"event_id":"e-${i}","product":{"name":"Red kettle no. ${i % 7}"}}`,
  ).join('\n'),
);

describe.each(codecs)('$name', ({ compress, decompress }) => {
  it('returns any bytes unchanged', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 2_000 }),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 50 }), fc.nat(5_000))
        .map(([piece, times]) => Buffer.concat(Array.from({ length: times }, () => piece))),
    );
    fc.assert(
      fc.property(bytes, (given) => {
        expect(Buffer.compare(decompress(compress(Buffer.from(given))), Buffer.from(given))).toBe(
          0,
        );
      }),
      { numRuns: 60 },
    );
  });

  it('compresses repetitions over several blocks', () => {
    const compressed = compress(repetitive);
    expect(compressed.length).toBeLessThan(repetitive.length / 3);
    expect(decompress(compressed).equals(repetitive)).toBe(true);
  });

  it('refuses bytes that end early or have another format', () => {
    const compressed = compress(repetitive);
    expect(() => decompress(compressed.subarray(0, compressed.length / 2))).toThrow(/\w/);
    expect(() =>
      decompress(Buffer.from('neither of the formats, and long enough for a header')),
    ).toThrow(/\w/);
  });
});

it.each([
  ['Snappy that claims 10,626 bytes with two', decompressSnappy, '8253'],
  ['Snappy that claims 4 GiB with six', decompressSnappy, 'ffffffff0f00'],
  [
    'a Snappy literal with a negative length, which made the reader loop',
    decompressSnappy,
    '04fcf6ffffff00000000000000000000',
  ],
  ['Snappy that yields less than it claims', decompressSnappy, '080461626364'],
  [
    'an LZ4 match that reaches before the start',
    decompressLz4,
    '04224d186040820900000014610900500000000000000000',
  ],
  ['LZ4 literals beyond their block', decompressLz4, '04224d1860408202000000f0ff0000000000'],
  [
    'an LZ4 frame with another size than it claims',
    decompressLz4,
    '04224d1868400900000000000000820300008061626300000000',
  ],
  ['an LZ4 frame with another version', decompressLz4, '04224d18c04082030000806162630000000000'],
])('%s is refused, and not read as zeros', (_what, decompress, hex) => {
  expect(() => decompress(Buffer.from(hex, 'hex'))).toThrow(/LZ4|Snappy/);
});

it('a batch that exceeds its bound when decompressed is refused in every compression', async () => {
  const bytesMax = 1_000_000;
  registerCodecs(bytesMax);
  onTestFinished(() => registerCodecs());
  const zeros = Buffer.alloc(bytesMax + 1);
  expect(await refusal(compressionTypes.gzip, gzipSync(zeros))).toMatch(/larger/);
  expect(await refusal(compressionTypes.zstd, zstdCompressSync(zeros))).toMatch(/larger/);
  expect(await refusal(compressionTypes.lz4, compressLz4(zeros))).toMatch(/at most/);
  // Its blocks need no bound of their own, because a byte of Snappy yields at most 22.
  expect(await refusal(compressionTypes.snappy, compressSnappy(zeros).subarray(0, 20_000))).toMatch(
    /Snappy/,
  );
});

async function refusal(type: number, bytes: Buffer): Promise<string> {
  const found: unknown = Reflect.get(kafkajs.CompressionCodecs, type);
  const make = z
    .custom<() => { decompress(bytes: Buffer): Promise<Buffer> }>(
      (value) => typeof value === 'function',
    )
    .parse(found);
  return make()
    .decompress(bytes)
    .then(({ length }) => `${length} bytes were taken`, String);
}

/**
 * Reads a block as the format's own decoder does, which checks its end: the last 5 bytes are
 * literals, and no match starts within 12 bytes of the end.
 */
function readStrictly(block: Uint8Array, length: number): Uint8Array {
  const bytes: number[] = [];
  let at = 0;
  const next = (): number => {
    const byte = block[at++];
    if (byte === undefined) throw new Error('The block ends early');
    return byte;
  };
  const long = (short: number): number => {
    let total = short;
    for (let more = short === 15 ? 255 : 0; more === 255; total += more) more = next();
    return total;
  };
  for (;;) {
    const token = next();
    const literals = long(token >> 4);
    for (let i = 0; i < literals; i++) bytes.push(next());
    if (at === block.length) {
      if (length > 12 && literals < 5) throw new Error(`${literals} last literals`);
      return Uint8Array.from(bytes);
    }
    if (bytes.length > length - 12)
      throw new Error(`A match starts ${length - bytes.length} bytes before the end`);
    const offset = next() | (next() << 8);
    const matched = long(token & 15) + 4;
    for (let i = 0; i < matched; i++) bytes.push(bytes[bytes.length - offset] ?? Number.NaN);
  }
}

it('strict decoders accept every LZ4 block, wherever its repetitions end', () => {
  const pieces = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc
        .constantFrom('{"id":"', 'Red kettle', 'xxxxxxxxxxxxxxxxxxxx'.repeat(20))
        .map((text) => Buffer.from(text)),
    ),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(pieces, (given) => {
      const source = Buffer.concat(given);
      const target = Buffer.alloc(lz4BlockBytesMax(source.length));
      const block = target.subarray(0, compressLz4Block(source, target));
      expect(Buffer.compare(readStrictly(block, source.length), source)).toBe(0);
    }),
    { numRuns: 2_000 },
  );
});

it('an LZ4 frame with checksums, content size and linked blocks is read', () => {
  // Written by the reference implementation: `lz4 -9 -B4 -BD -BX --content-size`.
  const frame = Buffer.from(
    '04224d185c4080380100000000005a120100008f61626364656667680800' +
      'ff'.repeat(256) +
      'e0506465666768c1b484f8420000000f0800' +
      'ff'.repeat(56) +
      'a0506465666768920a11140000000035615a12',
    'hex',
  );
  expect(decompressLz4(frame).toString()).toBe('abcdefgh'.repeat(10_000));
});

const utf8 = new TextEncoder();
const deadLetter: DeadLetter = {
  id: 'a2b1c0d4-1111-5222-8333-444455556666',
  origin: { topic: 'shop.events-1', partition: 7, offset: 42 },
  key: utf8.encode('user-1'),
  value: utf8.encode('{"broken'),
  headers: { 'content-type': utf8.encode('application/json') },
  timestamp: 1_700_000_000_000,
  reason: 'not_json',
  message: 'It ends early.\nReally.',
  field: null,
  eventId: null,
  failedAt: 1_700_000_000_500,
  attempts: 1,
  runner: null,
};
const textOf = (headers: Readonly<Record<string, Uint8Array>>) =>
  Object.fromEntries(
    Object.entries(headers).map(([name, bytes]) => [name, new TextDecoder().decode(bytes)]),
  );

describe('a dead letter as a record', () => {
  it('has the original key, value and headers, and names its failure as Kafka Connect does', () => {
    const record = recordOfDeadLetter(deadLetter);
    expect(plainRecord({ ...record, headers: {} })).toEqual(
      plainRecord({
        key: deadLetter.key,
        value: deadLetter.value,
        headers: {},
        timestamp: deadLetter.failedAt,
      }),
    );
    expect(textOf(record.headers)).toMatchObject({
      'content-type': 'application/json',
      '__connect.errors.topic': 'shop.events-1',
      '__connect.errors.partition': '7',
      '__connect.errors.offset': '42',
      '__connect.errors.stage': 'VALUE_CONVERTER',
      '__connect.errors.exception.class.name': 'vectorstream.not_json',
      '__connect.errors.exception.message': 'It ends early.\nReally.',
      'vectorstream.reason': 'not_json',
      'vectorstream.attempts': '1',
      'vectorstream.redrive-count': '0',
    });
    expect(Object.keys(record.headers)).not.toContain('vectorstream.runner');
  });

  it('survives encoding and decoding', () => {
    const full = {
      ...deadLetter,
      key: null,
      field: 'product.price',
      eventId: 'e/1',
      runner: 'node-1',
      attempts: 3,
      reason: 'embedding_failed',
    } as const;
    for (const each of [deadLetter, full])
      expect(deadLetterOfRecord(recordOfDeadLetter(each))).toEqual({
        ...each,
        valueBytes: each.value.length,
      });
  });

  it('that failed before keeps its first origin and the count of its replays', () => {
    const first = recordOfDeadLetter(deadLetter);
    const second: DeadLetter = {
      ...deadLetter,
      origin: { topic: 'shop.events-1', partition: 2, offset: 99 },
      headers: { ...first.headers, [redriveCountHeader]: utf8.encode('1') },
    };
    const record = recordOfDeadLetter(second);
    expect(textOf(record.headers)).toMatchObject({
      '__connect.errors.partition': '7',
      '__connect.errors.offset': '42',
      'vectorstream.redrive-count': '1',
    });
    const back = deadLetterOfRecord(record);
    expect(back?.origin).toEqual(second.origin);
    expect(textOf(back?.headers ?? {})).toMatchObject({
      '__connect.errors.offset': '42',
      'vectorstream.redrive-count': '1',
    });
    expect(
      Object.keys(back?.headers ?? {}).filter((name) => name.startsWith('vectorstream.')),
    ).toEqual([redriveCountHeader]);
  });

  it('that is too large is cut, and says how large it was', () => {
    const record = recordOfDeadLetter({ ...deadLetter, value: new Uint8Array(1000) }, 10);
    expect([record.value.length, textOf(record.headers)['vectorstream.value-bytes']]).toEqual([
      10,
      '1000',
    ]);
  });

  it('is distinguished from a record that is not a dead letter', () => {
    expect(
      deadLetterOfRecord({
        key: null,
        value: utf8.encode('x'),
        headers: { 'vectorstream.id': utf8.encode('x') },
        timestamp: 0,
      }),
    ).toBeNull();
  });
});

it('generated events go where the target or the environment says', () => {
  expect(kafkaEndpointOf('http://127.0.0.1:8080', { KAFKA_BROKERS: 'a:1' })).toBeNull();
  expect(kafkaEndpointOf(null, {})).toBeNull();
  expect(kafkaEndpointOf(null, { KAFKA_BROKERS: 'a:1,b:2', KAFKA_TOPIC: 'mine' })).toEqual({
    brokers: ['a:1', 'b:2'],
    topic: 'mine',
  });
  expect(kafkaEndpointOf('kafka://a:1', {})).toEqual({
    brokers: ['a:1'],
    topic: 'ecommerce-events',
  });
  expect(kafkaEndpointOf('kafka://a:1,b:2/other', { KAFKA_TOPIC: 'mine' })).toEqual({
    brokers: ['a:1', 'b:2'],
    topic: 'other',
  });
});
