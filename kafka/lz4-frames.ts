// LZ4 frames as Kafka takes them: independent blocks, no checksums written; frames of every client are read.
import { createRequire } from 'node:module';
import { compressLz4Block, lz4BlockBytesMax } from './lz4-block.ts';

type Lz4 = {
  /** The place in `target` after the last byte written. */
  decompressBlock(source: Uint8Array, target: Uint8Array, start: number, length: number, targetStart: number): number;
};
// The package brings no types. Only its reading of blocks is used: those that it writes may have a match too near their end, which brokers refuse.
const lz4: Lz4 = createRequire(import.meta.url)('lz4js');

/** https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md: magic, version 1 with independent blocks, blocks of at most 64 KB, header checksum. */
const header = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]);
const magic = 0x184d2204;
const blockBytes = 64 * 1024;
const endMark = Buffer.alloc(4);
const isPlain = 0x80000000;
const flags = { blockChecksum: 0x10, contentSize: 0x08, dictionary: 0x01 };
/** The most that a byte of a compressed block can stand for. */
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

/** Throws on bytes that are not an LZ4 frame. */
export function decompressLz4(bytes: Buffer): Buffer {
  if (bytes.length < header.length || bytes.readUInt32LE(0) !== magic) throw new Error('Not an LZ4 frame');
  const flag = bytes.readUInt8(4);
  const blockMax = 1 << (8 + 2 * ((bytes.readUInt8(5) >> 4) & 7));
  const first = 7 + (flag & flags.contentSize ? 8 : 0) + (flag & flags.dictionary ? 4 : 0);
  const checksumBytes = flag & flags.blockChecksum ? 4 : 0;
  const blocks = [...blocksOf(bytes, first, checksumBytes)];
  // All into one buffer: a block may refer to those before it.
  const bound = blocks.reduce((sum, { length, plain }) => sum + (plain ? length : Math.min(blockMax, length * expansionMax)), 0);
  const target = Buffer.alloc(bound);
  let at = 0;
  for (const { start, length, plain } of blocks) {
    at = plain ? at + bytes.copy(target, at, start, start + length) : lz4.decompressBlock(bytes, target, start, length, at);
  }
  if (at > bound) throw new Error('An LZ4 block is larger than its frame allows');
  return target.subarray(0, at);
}

function* blocksOf(bytes: Buffer, first: number, checksumBytes: number): Generator<{ start: number; length: number; plain: boolean }> {
  for (let at = first; ;) {
    const size = bytes.readUInt32LE(at);
    if (size === 0) return;
    const length = size & ~isPlain;
    const start = at + 4;
    if (start + length > bytes.length) throw new Error(`An LZ4 block ends at byte ${start + length} of ${bytes.length}`);
    yield { start, length, plain: (size & isPlain) !== 0 };
    at = start + length + checksumBytes;
  }
}
