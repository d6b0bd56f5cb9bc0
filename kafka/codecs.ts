// Gives the Kafka client all four compressions that brokers and other clients use, without a native build.
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import kafkajs from 'kafkajs';
import type { Compression } from './settings.ts';
import { compressLz4, decompressLz4 } from './lz4-frames.ts';
import { compressSnappy, decompressSnappy } from './snappy-frames.ts';

const { CompressionCodecs, CompressionTypes } = kafkajs;

/** The number that stands for it in a record batch. */
export const compressionTypes = {
  none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy, lz4: CompressionTypes.LZ4, zstd: CompressionTypes.ZSTD,
} as const satisfies Record<Compression, number>;

/** A batch that claims to be larger is refused: what comes from a topic must not fill the memory. */
const batchBytesMax = 256 * 2 ** 20;

const compressZstd = promisify(zstdCompress);
const decompressZstd = promisify<Buffer, { maxOutputLength: number }, Buffer>(zstdDecompress);

type Encoder = { readonly buffer: Buffer };
const codec = (compress: (bytes: Buffer) => Buffer | Promise<Buffer>, decompress: (bytes: Buffer) => Buffer | Promise<Buffer>) => () => ({
  compress: async ({ buffer }: Encoder) => compress(buffer),
  decompress: async (bytes: Buffer) => decompress(bytes),
});

/** The client looks its codecs up in this table; gzip is there from the start. Repeatable. */
export function registerCodecs(): void {
  CompressionCodecs[CompressionTypes.Snappy] = codec(compressSnappy, decompressSnappy);
  CompressionCodecs[CompressionTypes.LZ4] = codec(compressLz4, decompressLz4);
  CompressionCodecs[CompressionTypes.ZSTD] = codec((bytes) => compressZstd(bytes), (bytes) => decompressZstd(bytes, { maxOutputLength: batchBytesMax }));
}
