// Gives every supervisor its own folder below the data folder, and reuses the folders of
// supervisors that have ended, so that folders never pile up.

import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '#core/errors/errors.ts';
import { isAlive } from '../system/is-alive.ts';
import { makeFolder } from '../system/make-folder.ts';

export type WorkFolder = AsyncDisposable & { readonly path: string };

/** Supervisors that use one data folder at the same time. */
const supervisorsMax = 64;
const claimed = new Set<string>();

/**
 * Claims the first of `<dataDir>/browser-runner/1`, `2`, … that no living process owns.
 *
 * @throws UsageError when it cannot be written, or when all are in use
 */
export async function claimWorkFolder(dataDir: string): Promise<WorkFolder> {
  for (let number = 1; number <= supervisorsMax; number++) {
    const path = join(dataDir, 'browser-runner', String(number));
    const owner = join(path, 'owner');
    if (claimed.has(owner) || !(await claim(path, owner))) continue;
    claimed.add(owner);
    return {
      path,
      async [Symbol.asyncDispose]() {
        claimed.delete(owner);
        await rm(owner, { force: true });
      },
    };
  }
  throw new UsageError(
    `${supervisorsMax} browser runners already use the data folder ${dataDir}: ` +
      'give this one another with --data-dir.',
  );
}

/** `false` when another process owns the folder. */
async function claim(path: string, owner: string): Promise<boolean> {
  try {
    makeFolder(path);
    if (!(await isOwned(owner))) await rm(owner, { force: true });
    await writeFile(owner, String(process.pid), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') return false;
    throw new UsageError(
      `The browser's files cannot be written to ${path}: ` +
        `${cause instanceof Error ? cause.message : String(cause)}. ` +
        'Name another folder with --data-dir.',
      { cause },
    );
  }
}

/**
 * Whether the process that wrote the file still runs. This process has not claimed the folder yet,
 * so its own number was written by an earlier process.
 */
async function isOwned(owner: string): Promise<boolean> {
  const pid = Number(await readFile(owner, 'utf8').catch(() => ''));
  return Number.isInteger(pid) && pid > 0 && pid !== process.pid && isAlive(pid);
}
