// Downloads a file of a model: the file appears complete and verified, or not at all.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isAlive } from '../system/is-alive.ts';
import { makeFolder } from '../system/make-folder.ts';
import {
  HuggingFaceError,
  reasonOf,
  retryHuggingFace,
  type HuggingFaceApi,
  type HuggingFaceFile,
  type HuggingFaceListing,
} from './hugging-face-api.ts';

/**
 * Writes the file to `target`, unless the right file exists there. It continues a part that a dead
 * process left, and one whose connection broke. `onBytes` gets the change in the number of bytes
 * that are here; it is negative when bytes were dropped. Resolves to the file's SHA-256.
 *
 * @throws UsageError, HuggingFaceError, and what the file system throws
 */
export async function download(
  hub: HuggingFaceApi,
  listing: HuggingFaceListing,
  file: HuggingFaceFile,
  target: string,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const found = await hashesOf(target);
  if (found !== null && isRight(found, file)) {
    onBytes(file.size);
    return found.sha256;
  }
  const what = `${listing.id}/${file.path}`;
  const part = await claimPart(target);
  let counted = 0;
  const count = (here: number): void => {
    onBytes(here - counted);
    counted = here;
  };
  return retryHuggingFace(async () => {
    const before = await sizeOf(part);
    if (before < file.size || before === 0)
      await append(part, before, await hub.open(listing, file, before), file.size, what, count);
    const hashes = await hashesOf(part);
    if (hashes === null || !isRight(hashes, file)) {
      await rm(part, { force: true });
      count(0);
      const [expected, got] =
        file.sha256 === null
          ? [`Git blob ${file.blobId}`, hashes?.blobId]
          : [`SHA-256 ${file.sha256}`, hashes?.sha256];
      const message =
        `${what} differs from what ${hub.host} announces: ` +
        `expected ${expected} (${file.size} bytes), got ${got} (${hashes?.size} bytes).`;
      // An old part may be damaged on this disk; a file that came in one piece stays wrong.
      throw new HuggingFaceError(message, { retryable: before > 0 });
    }
    count(file.size);
    await rename(part, target);
    return hashes.sha256;
  });
}

/** Throws a retryable `HuggingFaceError` when the connection ends before the file does. */
async function append(
  part: string,
  before: number,
  response: Response,
  size: number,
  what: string,
  count: (here: number) => void,
): Promise<void> {
  let here = response.status === 206 ? before : 0;
  const broken = (why: string, cause?: unknown): HuggingFaceError =>
    new HuggingFaceError(`${what} is incomplete: ${here} of ${size} bytes, then ${why}.`, {
      retryable: true,
      cause,
    });
  await using handle = await open(part, here > 0 ? 'a' : 'w');
  try {
    for await (const chunk of response.body ?? []) {
      await handle.appendFile(chunk);
      here += chunk.length;
      count(here);
      // More than announced: this is another file, perhaps without an end.
      if (here > size) break;
    }
  } catch (cause) {
    // Only a file error has a system call here; a connection error is wrapped.
    if (cause instanceof Error && 'syscall' in cause) throw cause;
    throw broken(reasonOf(cause), cause);
  }
  if (here < size) throw broken('the connection ended');
  await handle.sync();
}

type Hashes = { readonly size: number; readonly sha256: string; readonly blobId: string };

const isRight = (hashes: Hashes, { size, sha256, blobId }: HuggingFaceFile): boolean =>
  hashes.size === size && (sha256 === null ? hashes.blobId === blobId : hashes.sha256 === sha256);
const sizeOf = async (path: string): Promise<number> =>
  (await stat(path).catch(() => null))?.size ?? 0;

/** `null`: no such file. Git names a blob by the SHA-1 of `blob <size>\0` and the bytes. */
async function hashesOf(path: string): Promise<Hashes | null> {
  const found = await stat(path).catch(() => null);
  if (found === null) return null;
  const sha256 = createHash('sha256');
  const blob = createHash('sha1').update(`blob ${found.size}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    sha256.update(chunk);
    blob.update(chunk);
  }
  return { size: found.size, sha256: sha256.digest('hex'), blobId: blob.digest('hex') };
}

/**
 * The path of this process's own part of the file, so that two processes never write the same part.
 * It takes over the part of a dead process.
 */
async function claimPart(target: string): Promise<string> {
  const folder = dirname(target);
  const own = `${target}.${process.pid}.part`;
  makeFolder(folder, 0o777);
  for (const name of await readdir(folder)) {
    if (!name.startsWith(`${basename(target)}.`) || !name.endsWith('.part')) continue;
    const pid = Number(name.split('.').at(-2));
    // The first process to rename it has it; for the others the rename fails.
    if (!isAlive(pid)) await rename(join(folder, name), own).catch(() => undefined);
  }
  return own;
}
