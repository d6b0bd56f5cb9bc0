// Unpacks a log by what its first bytes say: gzip, zstd, a zip with one file, bzip2, xz, and
// Parquet, whose rows become CSV.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, stat } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip, createInflateRaw, createZstdDecompress } from 'node:zlib';
import { UsageError } from '#core/errors/errors.ts';

const magic: readonly (readonly [Packing, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['zip', [0x50, 0x4b, 0x03, 0x04]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['parquet', [0x50, 0x41, 0x52, 0x31]],
];
export type Packing = 'gzip' | 'zstd' | 'zip' | 'bzip2' | 'xz' | 'parquet';

/** `null`: it is not packed. */
export async function packingOf(path: string): Promise<Packing | null> {
  const start = await bytesAt(path, 0, 6);
  return (
    magic.find(([, bytes]) => bytes.every((byte, index) => start[index] === byte))?.[0] ?? null
  );
}

/**
 * The unpacked bytes of the file that `open` reads from an offset.
 *
 * @throws UsageError for an archive that holds no single file, or without a program to unpack it
 */
export async function unpacked(
  path: string,
  packing: Packing,
  openAt: (offset: number) => Readable,
): Promise<AsyncIterable<Buffer>> {
  // The callbacks are empty because errors reach the reader of the last stream.
  if (packing === 'gzip') return pipeline(openAt(0), createGunzip(), () => {});
  if (packing === 'zstd') return pipeline(openAt(0), createZstdDecompress(), () => {});
  if (packing === 'zip') return openZip(path, openAt);
  if (packing === 'parquet') {
    // Loaded only when it is used.
    const { parquetAsCsv } = await import('./parquet-rows.ts');
    return parquetAsCsv(path);
  }
  return runProgram(packing, openAt(0));
}

/**
 * Unpacks the only file in a zip. The directory at its end says how many there are, and the local
 * header where the data begins.
 */
async function openZip(
  path: string,
  openAt: (offset: number) => Readable,
): Promise<AsyncIterable<Buffer>> {
  const entries = await entriesOf(path);
  const files = entries.filter(({ name }) => !name.endsWith('/') && !name.startsWith('__MACOSX/'));
  const [file] = files;
  if (file === undefined || files.length > 1)
    throw new UsageError(
      `${path}: is a zip with ${files.length} files; unpack it and name those to import ` +
        '(an Excel workbook is such a zip: save the sheet as CSV)',
    );
  const local = await bytesAt(path, file.offset, 30);
  const start = file.offset + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
  const data = openAt(start);
  if (file.method === 0) return upTo(data, file.size);
  if (file.method === 8) return pipeline(data, createInflateRaw(), () => {});
  throw new UsageError(`${path}: its zip uses method ${file.method}; pack it again with deflate`);
}

type Entry = {
  readonly name: string;
  readonly method: number;
  /** The number of packed bytes. */
  readonly size: number;
  readonly offset: number;
};

const endBytes = 22;
const commentBytesMax = 0xffff;

async function entriesOf(path: string): Promise<readonly Entry[]> {
  const { size } = await stat(path);
  const tailAt = Math.max(0, size - endBytes - commentBytesMax);
  const tail = await bytesAt(path, tailAt, size - tailAt);
  const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0) throw new UsageError(`${path}: its zip has no end; fetch or pack it again`);
  const [count, bytes, at] = [10, 12, 16].map((offset) =>
    offset === 10 ? tail.readUInt16LE(end + offset) : tail.readUInt32LE(end + offset),
  );
  const directory = await bytesAt(path, at ?? 0, bytes ?? 0);
  const entries: Entry[] = [];
  for (let offset = 0; entries.length < (count ?? 0) && offset + 46 <= directory.length;) {
    const nameBytes = directory.readUInt16LE(offset + 28);
    entries.push({
      name: directory.toString('utf8', offset + 46, offset + 46 + nameBytes),
      method: directory.readUInt16LE(offset + 10),
      size: directory.readUInt32LE(offset + 20),
      offset: directory.readUInt32LE(offset + 42),
    });
    offset +=
      46 + nameBytes + directory.readUInt16LE(offset + 30) + directory.readUInt16LE(offset + 32);
  }
  if (entries.some(({ size: packed, offset }) => Math.max(packed, offset) === 0xffffffff))
    throw new UsageError(`${path}: its zip is larger than 4 GiB; unpack it first`);
  return entries;
}

async function* upTo(data: AsyncIterable<Buffer>, bytes: number): AsyncGenerator<Buffer> {
  let left = bytes;
  for await (const chunk of data) {
    if (left <= 0) return;
    yield chunk.subarray(0, left);
    left -= chunk.length;
  }
}

/** Node has neither bzip2 nor xz; nearly every machine has the programs. */
async function runProgram(program: 'bzip2' | 'xz', file: Readable): Promise<AsyncIterable<Buffer>> {
  const child = spawn(program, ['-dc'], { stdio: ['pipe', 'pipe', 'pipe'] });
  await Promise.race([once(child, 'spawn'), once(child, 'error')]).catch(() => undefined);
  if (child.pid === undefined)
    throw new UsageError(
      `there is no program ${program} on this machine to unpack the file: install it, or pack ` +
        'the file with gzip or zstd',
    );
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-500);
  });
  const ended = once(child, 'close');
  pipeline(file, child.stdin, () => {});
  return (async function* () {
    try {
      yield* child.stdout as AsyncIterable<Buffer>;
      const [code] = await ended;
      if (code !== 0) throw new UsageError(`${program} cannot unpack it: ${said.trim()}`);
    } finally {
      child.kill();
    }
  })();
}

async function bytesAt(path: string, position: number, length: number): Promise<Buffer> {
  const handle = await open(path);
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, position);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
