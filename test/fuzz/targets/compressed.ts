// Any bytes as a compressed batch of Kafka: the same result as another decoder's, or an error;
// bounded in time and memory.

import { createRequire } from 'node:module';
import { compressLz4, decompressLz4 } from '../../../kafka/lz4-frames.ts';
import { compressSnappy, decompressSnappy } from '../../../kafka/snappy-frames.ts';
import { allowing, assert } from '../claims.ts';
import type { Target } from '../fuzzer.ts';

const require = createRequire(import.meta.url);
const lz4: { decompress(frame: Uint8Array): Uint8Array } = require('lz4js');
const snappy: { uncompress(block: Uint8Array): Uint8Array } = require('snappyjs');

/** No format yields more than this per byte. */
const expansionMax = 255;
const snappyJavaMagic = 0x82;
const independentFlag = 0x20;
const plainestFlags = 0x40;

const target = (
  name: string,
  words: readonly number[][],
  compress: (bytes: Buffer) => Buffer,
  decompress: (bytes: Buffer) => Buffer,
  other: (bytes: Buffer) => Uint8Array | null,
): Target => ({
  name,
  covers: /\/kafka\/(lz4|snappy)-/,
  words: words.map((bytes) => Buffer.from(bytes).toString()),
  run(input) {
    assert(
      decompress(compress(input)).equals(input),
      'decompressing gives back what was compressed',
    );
    const read = allowing(Error, () => decompress(input));
    if ('refusal' in read) return;
    assert(
      read.value.length <= input.length * expansionMax,
      `${input.length} bytes cannot stand for ${read.value.length}`,
    );
    const expected = other(input);
    assert(expected === null || read.value.equals(expected), 'another decoder reads the same');
  },
});

// The other decoder is reliable for blocks, and for plain headers only: others make it loop.
export const lz4Frame = target(
  'lz4',
  [[0x04, 0x22, 0x4d, 0x18], [0, 0, 0, 0], [0x60, 0x40], [0x1f], [0x0f, 0, 0], [0x7f]],
  compressLz4,
  decompressLz4,
  (frame) =>
    ((frame[4] ?? 0) & ~independentFlag) === plainestFlags ? lz4.decompress(frame) : null,
);

// The other decoder reads plain blocks only.
export const snappyFrame = target(
  'snappy',
  [[0, 0, 0], [0x7c], [0x01, 0x02], [0x7f, 0x7f, 0x7f]],
  compressSnappy,
  decompressSnappy,
  (bytes) => (bytes[0] === snappyJavaMagic ? null : snappy.uncompress(bytes)),
);
