// Does to SQLite's write-ahead log what a power loss may do: what was not synced is cut off or full
// of garbage. Told from SQLite's file formats alone.

import { closeSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * How far the log is written, in frames; another salt is another log, begun when the one before was
 * in the database.
 */
export type LogMark = { readonly salt: string; readonly frames: number };
type Index = LogMark & {
  readonly pageBytes: number;
  /** Frames that are, or may be, in the database already: these were synced. */
  readonly copied: number;
};

const copyBytes = 48;
/** Both copies, and what is said of checkpoints. */
const indexBytes = 136;
const logHeaderBytes = 32;
const frameHeaderBytes = 24;

/**
 * How far it is written now. What an answer to a producer promises was written and synced before
 * it; `null` when it cannot be told.
 */
export function markOf(folder: string): LogMark | null {
  return indexOf(folder);
}

/**
 * Of what was written since the mark, loses what lies behind a point at `where` (0…1): cut off, or
 * the part of it that `garbage` (0…1) tells overwritten, with whole frames behind it. Returns the
 * number of bytes that it could choose from. No gateway may run.
 */
export function tear(
  folder: string,
  mark: LogMark | null,
  where: number,
  garbage: number | null,
): number {
  const index = indexOf(folder);
  if (index === null || mark === null) return 0;
  const frameBytes = frameHeaderBytes + index.pageBytes;
  const safe = Math.max(index.copied, mark.salt === index.salt ? mark.frames : 0);
  const bytes = (index.frames - safe) * frameBytes;
  if (bytes <= 0) return 0;
  const from = logHeaderBytes + safe * frameBytes + Math.floor(where * bytes);
  const log = join(folder, 'vectorstream.db-wal');
  if (garbage === null) {
    truncateSync(log, from);
  } else {
    const end = logHeaderBytes + index.frames * frameBytes;
    const file = openSync(log, 'r+');
    writeSync(
      file,
      Buffer.alloc(Math.max(1, Math.floor(garbage * (end - from))), 0xa5),
      0,
      null,
      from,
    );
    closeSync(file);
  }
  return bytes;
}

/**
 * From `vectorstream.db-shm`: https://sqlite.org/walformat.html#the_wal_index_header. Its two
 * copies agree when nobody is just writing it.
 */
function indexOf(folder: string): Index | null {
  for (let attempt = 0; attempt < 10; attempt++) {
    const bytes = readOrNull(join(folder, 'vectorstream.db-shm'));
    if (bytes === null || bytes.length < indexBytes) return null;
    const [first, second] = [
      bytes.subarray(0, copyBytes),
      bytes.subarray(copyBytes, 2 * copyBytes),
    ];
    if (!first.equals(second) || first.readUInt8(12) === 0) continue;
    return {
      salt: first.toString('hex', 32, 40),
      frames: first.readUInt32LE(16),
      pageBytes: first.readUInt16LE(14),
      copied: Math.max(bytes.readUInt32LE(96), bytes.readUInt32LE(128)),
    };
  }
  return null;
}

function readOrNull(file: string): Buffer | null {
  try {
    return readFileSync(file).subarray(0, indexBytes);
  } catch {
    return null;
  }
}
