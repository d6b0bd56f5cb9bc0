// A small disk of a test's own, to be filled up and write-protected: only programs started through
// it see it, and it is gone with them.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, rm } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const sizeMb = 48;

export type SmallDisk = AsyncDisposable & {
  /** What a command begins with, so that its program sees the disk at `path`. */
  readonly through: readonly string[];
  readonly path: string;
  /** The same folder for this process; not for SQLite, which would look behind the link. */
  readonly outside: string;
  /** Whoever writes more meets ENOSPC, until `free`. */
  fill(): Promise<void>;
  free(): Promise<void>;
  /**
   * Whoever opens a file to write meets EROFS, until `allow`. Refused by the kernel while a program
   * writes.
   */
  protect(): Promise<void>;
  allow(): Promise<void>;
};

/**
 * Why there can be no such disk here; `null` when there can: it takes Linux, and the right to
 * mount.
 */
export async function noSmallDisk(): Promise<string | null> {
  const tried =
    process.platform === 'linux'
      ? await run('unshare', [...ownMounts, 'mount', '-t', 'tmpfs', 'none', '/mnt']).catch(
          (error: unknown) => error,
        )
      : new Error('only Linux has mount namespaces');
  if (!(tried instanceof Error)) return null;
  process.stderr.write(
    `\n*** No disk of a test's own, to fill and to write-protect: ${tried.message.trim()} ***\n\n`,
  );
  return tried.message;
}

const ownMounts = ['--mount', '--propagation', 'private'];

/**
 * In memory, mounted at `path` in a namespace that one process keeps: it ends with this one, and
 * the kernel unmounts.
 */
export async function startSmallDisk(path: string): Promise<SmallDisk> {
  await mkdir(path, { recursive: true });
  const keeper = spawn(
    'unshare',
    [
      ...ownMounts,
      'sh',
      '-c',
      `mount -t tmpfs -o size=${sizeMb}m none "$1" && echo mounted && exec cat`,
      'sh',
      path,
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  await Promise.race([
    once(keeper.stdout, 'data'),
    once(keeper, 'exit').then(() => {
      throw new Error(`No disk could be mounted at ${path}.`);
    }),
  ]);
  const through = ['nsenter', `--mount=/proc/${keeper.pid}/ns/mnt`];
  const outside = `/proc/${keeper.pid}/root${path}`;
  const filler = `${outside}/filler`;
  const remount = async (how: 'ro' | 'rw'): Promise<void> => {
    await run('nsenter', [...through.slice(1), 'mount', '-o', `remount,${how}`, path]);
  };
  return {
    through,
    path,
    outside,
    async fill() {
      const file = await open(filler, 'w');
      try {
        for (let bytes = 2 ** 20; bytes >= 512; bytes /= 2)
          while (
            await file.write(Buffer.alloc(bytes)).then(
              () => true,
              () => false,
            )
          );
      } finally {
        await file.close();
      }
    },
    free: () => rm(filler, { force: true }),
    protect: () => remount('ro'),
    allow: () => remount('rw'),
    async [Symbol.asyncDispose]() {
      const ended = once(keeper, 'exit');
      keeper.stdin.end();
      await ended;
    },
  };
}
