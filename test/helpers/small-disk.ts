// A small disk for one test, which can be filled and write-protected. Only programs started through
// it see it, and it disappears with them.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, rm } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const sizeMb = 48;

export type SmallDisk = AsyncDisposable & {
  /** The start of a command whose program sees the disk at `path`. */
  readonly through: readonly string[];
  readonly path: string;
  /** The same folder as this process sees it; not for SQLite, which would resolve the link. */
  readonly outside: string;
  /** Further writes fail with ENOSPC, until `free`. */
  fill(): Promise<void>;
  free(): Promise<void>;
  /**
   * Opening a file to write fails with EROFS, until `allow`. The kernel refuses this call while a
   * program writes.
   */
  protect(): Promise<void>;
  allow(): Promise<void>;
};

/**
 * The reason why such a disk is impossible here; `null` when it is possible. It needs Linux and the
 * right to mount.
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
 * A disk in memory, mounted at `path` in a namespace that one process keeps open. That process ends
 * with this one, and the kernel unmounts the disk.
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
