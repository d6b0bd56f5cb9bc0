// Gives kafkajs all four compressions that brokers and other clients use, without native
// modules.

import { promisify } from 'node:util';
import { gzip, gunzip, zstdCompress, zstdDecompress } from 'node:zlib';
import kafkajs from 'kafkajs';
import { batchBytesMax, type Compression } from '../kafka-settings.ts';
import { compressLz4, decompressLz4 } from '../lz4-frames.ts';
import { compressSnappy, decompressSnappy } from '../snappy-frames.ts';

const { CompressionCodecs, CompressionTypes } = kafkajs;

/** The numbers that identify the compressions in a record batch. */
export const compressionTypes = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
} as const satisfies Record<Compression, number>;

const compressGzip = promisify(gzip);
const decompressGzip = promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip);
const compressZstd = promisify(zstdCompress);
const decompressZstd = promisify<Buffer, { maxOutputLength: number }, Buffer>(zstdDecompress);

type Encoder = { readonly buffer: Buffer };
const codec =
  (
    compress: (bytes: Buffer) => Buffer | Promise<Buffer>,
    decompress: (bytes: Buffer) => Buffer | Promise<Buffer>,
  ) =>
  () => ({
    compress: async ({ buffer }: Encoder) => compress(buffer),
    decompress: async (bytes: Buffer) => decompress(bytes),
  });

/**
 * Registers the codecs in the table that the client looks them up in. The client's own gzip codec
 * is replaced too, because it has no bound. May be called repeatedly.
 *
 * @param bytesMax the size of a decompressed batch; a larger one is refused
 */
export function registerCodecs(bytesMax: number = batchBytesMax): void {
  const bound = { maxOutputLength: bytesMax };
  CompressionCodecs[CompressionTypes.GZIP] = codec(
    (bytes) => compressGzip(bytes),
    (bytes) => decompressGzip(bytes, bound),
  );
  CompressionCodecs[CompressionTypes.Snappy] = codec(compressSnappy, decompressSnappy);
  CompressionCodecs[CompressionTypes.LZ4] = codec(compressLz4, (bytes) =>
    decompressLz4(bytes, bytesMax),
  );
  CompressionCodecs[CompressionTypes.ZSTD] = codec(
    (bytes) => compressZstd(bytes),
    (bytes) => decompressZstd(bytes, bound),
  );
}
