// Writes and reads Snappy as Kafka's Java clients do, as blocks after the header of snappy-java;
// reads plain Snappy too.

import { createRequire } from 'node:module';
import { decompressSnappyBlock } from './snappy-block.ts';

type Snappy = { compress(bytes: Uint8Array): Uint8Array };
// The package has no types. Only its compression is used: on damaged bytes its decompression may
// loop for ever, or return zeros.
const snappy: Snappy = createRequire(import.meta.url)('snappyjs');

/**
 * The magic bytes, then the version and the lowest compatible version, both 1, big-endian.
 * https://github.com/xerial/snappy-java
 */
const header = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
const magicBytes = 8;
const blockBytes = 32 * 1024;
const lengthBytes = 4;

export function compressSnappy(bytes: Buffer): Buffer {
  const parts: Uint8Array[] = [header];
  for (let at = 0; at < bytes.length; at += blockBytes) {
    const block = snappy.compress(bytes.subarray(at, at + blockBytes));
    const length = Buffer.alloc(lengthBytes);
    length.writeUInt32BE(block.length);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
}

/** @throws Error when the bytes are not Snappy */
export function decompressSnappy(bytes: Buffer): Buffer {
  if (bytes.compare(header, 0, magicBytes, 0, Math.min(magicBytes, bytes.length)) !== 0)
    return Buffer.from(decompressSnappyBlock(bytes));
  if (bytes.length < header.length)
    throw new Error(`A Snappy stream of ${bytes.length} bytes ends within its header`);
  const blocks: Uint8Array[] = [];
  for (let at = header.length; at < bytes.length;) {
    const start = at + lengthBytes;
    const end = start + bytes.readUInt32BE(at);
    if (end > bytes.length)
      throw new Error(`A Snappy block ends at byte ${end} of ${bytes.length}`);
    blocks.push(decompressSnappyBlock(bytes.subarray(start, end)));
    at = end;
  }
  return Buffer.concat(blocks);
}
