// Reads the audit trail by pages, newest line first, without loading whole files.

import { open, type FileHandle } from 'node:fs/promises';

/** Where the lines of a page begin: the next page ends there. A file keeps its id when it moves. */
export type TrailPlace = { readonly file: string; readonly offset: number };

export type TrailPage = {
  /** JSON objects. Lines that are incomplete are left out. */
  readonly items: readonly Readonly<Record<string, unknown>>[];
  /** `null` when there is nothing older. */
  readonly next: TrailPlace | null;
};

const chunkBytes = 64 * 1024;
const newline = 10;

/**
 * @param paths the files, the newest first; those that do not exist are left out
 * @param before `null` for the newest lines
 * @returns `null` when the file of `before` no longer exists
 */
export async function readTrailPage(
  paths: readonly string[],
  limit: number,
  before: TrailPlace | null,
): Promise<TrailPage | null> {
  await using opened = new AsyncDisposableStack();
  const files: { readonly handle: FileHandle; readonly id: string; readonly size: number }[] = [];
  for (const path of paths) {
    const handle = await open(path).catch(absent);
    if (handle === null) continue;
    opened.defer(() => handle.close());
    const { ino, size } = await handle.stat({ bigint: true });
    files.push({ handle, id: String(ino), size: Number(size) });
  }
  const first = before === null ? 0 : files.findIndex(({ id }) => id === before.file);
  if (first < 0) return null;
  const items: Readonly<Record<string, unknown>>[] = [];
  for (const [index, { handle, id, size }] of files.slice(first).entries()) {
    const end = index === 0 && before !== null ? Math.min(before.offset, size) : size;
    for await (const { line, start } of linesBefore(handle, end)) {
      const item = parsed(line);
      if (item !== null) items.push(item);
      const isLastFile = first + index === files.length - 1;
      if (items.length === limit)
        return { items, next: start === 0 && isLastFile ? null : { file: id, offset: start } };
    }
  }
  return { items, next: null };
}

/** The lines that end before `end`, the last one first, each with its offset. */
async function* linesBefore(
  handle: FileHandle,
  end: number,
): AsyncGenerator<{ readonly line: string; readonly start: number }> {
  let rest = Buffer.alloc(0);
  for (let from = end; from > 0;) {
    const length = Math.min(chunkBytes, from);
    from -= length;
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, from);
    rest = Buffer.concat([buffer.subarray(0, bytesRead), rest]);
    for (;;) {
      // The newline at the end of the last line does not begin another one.
      const at = rest.length < 2 ? -1 : rest.lastIndexOf(newline, rest.length - 2);
      if (at < 0) break;
      yield { line: rest.toString('utf8', at + 1), start: from + at + 1 };
      rest = rest.subarray(0, at + 1);
    }
  }
  if (rest.length > 0) yield { line: rest.toString(), start: 0 };
}

function parsed(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const item: unknown = JSON.parse(line);
    return typeof item === 'object' && item !== null ? { ...item } : null;
  } catch {
    return null;
  }
}

function absent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
