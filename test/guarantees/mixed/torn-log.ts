// Damages SQLite's write-ahead log as a power loss may: unsynced data is cut off or overwritten
// with garbage. Uses only SQLite's file formats.

import { closeSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The end of the log, in frames. Another salt means another log, which begins when all of the
 * previous one is in the database.
 */
export type LogMark = { readonly salt: string; readonly frames: number };
type Index = LogMark & {
  readonly pageBytes: number;
  /** Frames that are, or may be, in the database already, and so were synced. */
  readonly copied: number;
};

const copyBytes = 48;
/** Both copies and the checkpoint information. */
const indexBytes = 136;
const logHeaderBytes = 32;
const frameHeaderBytes = 24;

/**
 * The end of the log now; `null` when it cannot be read. Whatever was acknowledged to a producer
 * was written and synced before it.
 */
export function markOf(folder: string): LogMark | null {
  return indexOf(folder);
}

/**
 * Damages what was written since the mark, from `where` (0…1) on. `null` for `garbage` cuts it off;
 * else `garbage` (0…1) is the share that is overwritten, with intact frames behind it. Returns the
 * number of bytes that were open to damage. No gateway may run.
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
 * Reads `vectorstream.db-shm`: https://sqlite.org/walformat.html#the_wal_index_header. Its two
 * copies agree except during a write.
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
