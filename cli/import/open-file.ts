// Reads a log as a stream of unpacked bytes in an ASCII-compatible encoding, and hashes it, in
// constant memory.

import { createHash } from 'node:crypto';
import { createReadStream, type ReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { UsageError } from '#core/errors/errors.ts';
import { linesOfArray } from './lines-of-array.ts';
import { packingOf, unpacked, type Packing } from './unpack.ts';

export type OpenFile = {
  /**
   * Unpacked bytes, in which the items of a JSON array are lines. UTF-16 is converted to UTF-8;
   * other encodings are unchanged.
   */
  readonly chunks: AsyncIterable<Buffer>;
  /** Bytes of the file read so far, of `size`. */
  bytesRead(): number;
  readonly size: number;
};

/** How much of a log is read to detect how it is written. */
export const sampleBytesMax = 1024 * 1024;
const systemMessages: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'no permission to read it',
  EISDIR: 'is a folder; name a file',
};

/**
 * Size in bytes.
 *
 * @throws UsageError when there is nothing to read
 */
export async function sizeOfLog(path: string): Promise<number> {
  const info = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  if (info.isDirectory()) throw new UsageError(`${path}: ${systemMessages['EISDIR']}`);
  if (!info.isFile())
    throw new UsageError(
      `${path}: is not a plain file; save the log to a file first (it is read twice)`,
    );
  if (info.size === 0) throw new UsageError(`${path}: is empty`);
  return info.size;
}

/**
 * `transcode` names a UTF-16 encoding to convert to UTF-8.
 *
 * @throws UsageError for a file that cannot be read; while reading, for a damaged archive
 */
export async function openLog(
  path: string,
  transcode: 'utf-16le' | 'utf-16be' | null = null,
): Promise<OpenFile> {
  const size = await sizeOfLog(path);
  const packing = await packed(path);
  let file: ReadStream | null = null;
  const openAt = (start: number): ReadStream =>
    (file = createReadStream(path, { start, highWaterMark: 256 * 1024 }));
  async function* chunks(): AsyncGenerator<Buffer> {
    try {
      const bytes = packing === null ? openAt(0) : await unpacked(path, packing, openAt);
      if (transcode === null) yield* linesOfArray(bytes);
      else yield* utf8From(bytes, transcode);
    } catch (error) {
      throw unreadable(path, error);
    } finally {
      file?.destroy();
    }
  }
  return { chunks: chunks(), bytesRead: () => file?.bytesRead ?? 0, size };
}

function packed(path: string): Promise<Packing | null> {
  return packingOf(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
}

/**
 * SHA-256 (hex) of the unpacked bytes: a log and its archive are the same log. A Parquet file is
 * hashed itself, because the text that its rows become may change.
 */
export async function hashLog(
  path: string,
  signal: AbortSignal,
  onProgress: (bytesRead: number) => void,
): Promise<string> {
  const hash = createHash('sha256');
  const isParquet = (await packed(path)) === 'parquet';
  const log = isParquet ? null : await openLog(path);
  let bytes = 0;
  for await (const chunk of log?.chunks ?? createReadStream(path)) {
    signal.throwIfAborted();
    hash.update(chunk);
    bytes += chunk.length;
    onProgress(log?.bytesRead() ?? bytes);
  }
  return hash.digest('hex');
}

/** The first `bytesMax` unpacked bytes. */
export async function sampleLog(path: string, bytesMax: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const chunk of (await openLog(path)).chunks) {
    pieces.push(chunk);
    length += chunk.length;
    if (length >= bytesMax) break;
  }
  return Buffer.concat(pieces).subarray(0, bytesMax);
}

async function* utf8From(bytes: AsyncIterable<Buffer>, encoding: string): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder(encoding);
  for await (const chunk of bytes) yield Buffer.from(decoder.decode(chunk, { stream: true }));
  yield Buffer.from(decoder.decode());
}

function unreadable(path: string, error: unknown): UsageError {
  if (error instanceof UsageError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'Z_BUF_ERROR')
    return new UsageError(`${path}: its packed data ends too early; fetch or pack it again`, {
      cause: error,
    });
  if (/^(Z_|ZSTD_)/.test(code))
    return new UsageError(`${path}: its packed data is damaged (${code}); fetch or pack it again`, {
      cause: error,
    });
  return new UsageError(
    `${path}: ` +
      (systemMessages[code] ?? (error instanceof Error ? error.message : 'cannot be read')),
    { cause: error },
  );
}
