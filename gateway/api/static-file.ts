// Answers with a file: compressed if a copy exists, in ranges, and with an ETag, so that clients do
// not download it again.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { Readable } from 'node:stream';
import type { Context } from 'hono';
import type { AppEnv } from './app-env.ts';
import { problemResponse } from './middleware/problem-response.ts';

export type StaticFile = {
  readonly path: string;
  /** The path of compressed copies without their extension. Absent: they are beside the file. */
  readonly copies?: string;
  /** `immutable` for a URL whose content never changes. */
  readonly cache: 'immutable' | 'revalidate';
};

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.md': 'text/plain; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
};
const cacheControl = { immutable: 'public, max-age=31536000, immutable', revalidate: 'no-cache' };
const encodings = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const;

/** `null` when the file does not exist. */
export async function answerFile(
  c: Context<AppEnv>,
  { path, copies = path, cache }: StaticFile,
): Promise<Response | null> {
  const whole = await stat(path).catch(() => null);
  if (whole === null || !whole.isFile()) return null;
  // A range refers to the uncompressed file.
  const range = c.req.header('range');
  const copy =
    range === undefined
      ? await compressedCopy(copies, c.req.header('accept-encoding') ?? '')
      : null;
  const { size, mtimeMs } = copy ?? whole;
  const version = `${size.toString(36)}-${Math.round(mtimeMs).toString(36)}`;
  const etag = copy === null ? `"${version}"` : `"${version}-${copy.encoding}"`;
  const answer = new Headers({
    'Content-Type': types[extname(path)] ?? 'application/octet-stream',
    'Cache-Control': cacheControl[cache],
    ETag: etag,
    'Accept-Ranges': 'bytes',
    Vary: 'Accept-Encoding',
    ...(copy !== null && { 'Content-Encoding': copy.encoding }),
  });
  if (
    c.req
      .header('if-none-match')
      ?.split(',')
      .some((tag) => tag.trim().replace(/^W\//, '') === etag)
  )
    return c.body(null, 304, Object.fromEntries(answer));

  const validator = c.req.header('if-range');
  const part =
    range === undefined || (validator !== undefined && validator !== etag)
      ? null
      : rangeOf(range, size);
  if (part === 'unsatisfiable') {
    c.header('Content-Range', `bytes */${size}`);
    return problemResponse(c, {
      status: 416,
      code: 'range_not_satisfiable',
      detail: `The file has ${size} bytes.`,
    });
  }
  const { start, end } = part ?? { start: 0, end: size - 1 };
  answer.set('Content-Length', String(end - start + 1));
  if (part !== null) answer.set('Content-Range', `bytes ${start}-${end}/${size}`);
  const status = part === null ? 200 : 206;
  if (c.req.method === 'HEAD' || size === 0)
    return c.body(null, status, Object.fromEntries(answer));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Node's type of this stream
  const body = Readable.toWeb(
    createReadStream(copy?.path ?? path, { start, end }),
  ) as ReadableStream<Uint8Array<ArrayBuffer>>;
  return c.body(body, status, Object.fromEntries(answer));
}

async function compressedCopy(
  copies: string,
  accepted: string,
): Promise<{ path: string; encoding: string; size: number; mtimeMs: number } | null> {
  for (const [encoding, ending] of encodings) {
    if (!new RegExp(`(^|[ ,])${encoding}(?! *; *q=0(\\.0*)?(,|$))`, 'i').test(accepted)) continue;
    const found = await stat(copies + ending).catch(() => null);
    if (found !== null)
      return { path: copies + ending, encoding, size: found.size, mtimeMs: found.mtimeMs };
  }
  return null;
}

/**
 * One range of bytes, both ends included. `null` for several ranges and for any other header: these
 * are answered with the whole file (RFC 9110, 14.2).
 */
function rangeOf(
  header: string,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | null {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(header.trim()) ?? [];
  if (from === '' && to === '') return null;
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (from !== '' && to !== '' && Number(to) < start) return null;
  return start >= size || (from === '' && Number(to) === 0) ? 'unsatisfiable' : { start, end };
}
