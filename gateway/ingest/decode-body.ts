// Streams the body of a request, decompressed and counted as it arrives: a small body that expands
// too far is refused while it expands.

import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib';
import { ProblemError } from '../http/problem-document.ts';

const decoders = {
  gzip: createGunzip,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
} as const;
/** Each chunk passes through the event loop, so chunks must not be small. */
const decodedChunkBytes = 64 * 1024;
const encodings = Object.keys(decoders).join(', ');

/**
 * Yields at most `bytesMax` bytes.
 *
 * @throws ProblemError 400 when the body breaks off or cannot be decompressed, 413 when it is too
 *   large, 415 for an unknown encoding.
 */
export async function* decodedBody(
  request: Request,
  bytesMax: number,
): AsyncGenerator<Uint8Array, void> {
  const encoding = request.headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity';
  const tooLarge = new ProblemError({
    status: 413,
    code: 'body_too_large',
    detail:
      `The body is larger than ${bytesMax} bytes` +
      `${encoding === 'identity' ? '' : ' when decompressed'}. Send it in parts.`,
  });
  if (Number(request.headers.get('content-length') ?? 0) > bytesMax) throw tooLarge;
  let size = 0;
  for await (const chunk of inflated(arriving(request), encoding)) {
    size += chunk.length;
    if (size > bytesMax) throw tooLarge;
    yield chunk;
  }
}

async function* arriving(request: Request): AsyncGenerator<Uint8Array, void> {
  try {
    for await (const chunk of request.body ?? []) yield chunk;
  } catch {
    throw new ProblemError({
      status: 400,
      code: 'body_incomplete',
      detail: 'The connection ended before the whole body had arrived.',
    });
  }
}

function inflated(
  chunks: AsyncGenerator<Uint8Array, void>,
  encoding: string,
): AsyncGenerator<Uint8Array, void> {
  if (encoding === 'identity' || encoding === '') return chunks;
  const decoder = Object.entries(decoders).find(([name]) => name === encoding)?.[1];
  if (decoder === undefined) {
    throw new ProblemError({
      status: 415,
      code: 'unsupported_content_encoding',
      detail:
        `Content-Encoding is ${encoding.slice(0, 40)}; ` +
        `send the body uncompressed or as one of ${encodings}.`,
    });
  }
  return through(decoder({ chunkSize: decodedChunkBytes }), chunks, encoding);
}

async function* through(
  decoder: NodeJS.ReadWriteStream & AsyncIterable<Uint8Array> & { destroy(): void },
  chunks: AsyncGenerator<Uint8Array, void>,
  encoding: string,
): AsyncGenerator<Uint8Array, void> {
  // An error on either side is thrown where the decoder is read.
  const feeding = pipeline(chunks, decoder).catch(() => undefined);
  try {
    for await (const chunk of decoder) yield chunk;
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    throw new ProblemError({
      status: 400,
      code: 'body_not_decodable',
      detail:
        `The body is not valid ${encoding}` +
        `${error instanceof Error ? `: ${error.message}` : ''}.`,
    });
  } finally {
    decoder.destroy();
    await feeding;
  }
}
