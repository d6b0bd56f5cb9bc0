// Writes LZ4 frames that Kafka accepts, with independent blocks and without checksums; reads the
// frames of every client.

import { batchBytesMax } from './kafka-settings.ts';
import { compressLz4Block, decompressLz4Block, lz4BlockBytesMax } from './lz4-block.ts';

/**
 * The magic number, version 1 with independent blocks, blocks of at most 64 KB, and the header's
 * checksum. https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
 */
const header = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]);
const magic = 0x184d2204;
const blockBytes = 64 * 1024;
const endMark = Buffer.alloc(4);
const isPlain = 0x80000000;
const flags = {
  version: 0xc0,
  independent: 0x20,
  blockChecksum: 0x10,
  contentSize: 0x08,
  dictionary: 0x01,
};
const version = 0x40;
/** 4 means blocks of 64 KB, 7 blocks of 4 MB. */
const blockCodeMin = 4;
/** One byte of a compressed block yields at most this many bytes. */
const expansionMax = 255;

export function compressLz4(bytes: Buffer): Buffer {
  const parts: Uint8Array[] = [header];
  for (let at = 0; at < bytes.length; at += blockBytes) {
    const block = bytes.subarray(at, at + blockBytes);
    const target = Buffer.alloc(lz4BlockBytesMax(block.length));
    const length = compressLz4Block(block, target);
    const isCompressed = length < block.length;
    const size = Buffer.alloc(4);
    size.writeUInt32LE(isCompressed ? length : (block.length | isPlain) >>> 0);
    parts.push(size, isCompressed ? target.subarray(0, length) : block);
  }
  parts.push(endMark);
  return Buffer.concat(parts);
}

/** @throws Error when the bytes are not an LZ4 frame, or may yield more than `bytesMax` */
export function decompressLz4(bytes: Buffer, bytesMax: number = batchBytesMax): Buffer {
  if (bytes.length < header.length || bytes.readUInt32LE(0) !== magic)
    throw new Error('Not an LZ4 frame');
  const flag = bytes.readUInt8(4);
  const blockCode = (bytes.readUInt8(5) >> 4) & 7;
  if ((flag & flags.version) !== version || blockCode < blockCodeMin)
    throw new Error('An LZ4 frame has an unknown version or block size');
  const blockMax = 1 << (8 + 2 * blockCode);
  const first = 7 + (flag & flags.contentSize ? 8 : 0) + (flag & flags.dictionary ? 4 : 0);
  const checksumBytes = flag & flags.blockChecksum ? 4 : 0;
  const blocks = [...blocksOf(bytes, first, checksumBytes)];
  // All blocks go into one buffer, because a block may refer to earlier ones.
  const bound = blocks.reduce(
    (sum, { length, plain }) => sum + (plain ? length : Math.min(blockMax, length * expansionMax)),
    0,
  );
  if (bound > bytesMax)
    throw new Error(
      `An LZ4 frame of ${bytes.length} bytes may yield ${bound}; at most ${bytesMax} are allowed`,
    );
  const target = Buffer.alloc(bound);
  let at = 0;
  for (const { start, length, plain } of blocks) {
    if (plain) at += bytes.copy(target, at, start, start + length);
    else
      at = decompressLz4Block(
        bytes.subarray(start, start + length),
        target.subarray(0, Math.min(bound, at + blockMax)),
        at,
        flag & flags.independent ? at : 0,
      );
  }
  if (flag & flags.contentSize && bytes.readBigUInt64LE(6) !== BigInt(at))
    throw new Error(`An LZ4 frame holds ${at} bytes, not as many as its header says`);
  return target.subarray(0, at);
}

function* blocksOf(
  bytes: Buffer,
  first: number,
  checksumBytes: number,
): Generator<{ start: number; length: number; plain: boolean }> {
  for (let at = first; ;) {
    const size = bytes.readUInt32LE(at);
    if (size === 0) return;
    const length = size & ~isPlain;
    const start = at + 4;
    if (start + length > bytes.length)
      throw new Error(`An LZ4 block ends at byte ${start + length} of ${bytes.length}`);
    yield { start, length, plain: (size & isPlain) !== 0 };
    at = start + length + checksumBytes;
  }
}
