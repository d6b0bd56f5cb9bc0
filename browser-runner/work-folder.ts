// Gives every supervisor a folder of its own below the data folder, and takes over those that ended
// supervisors left: they never pile up.

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '#core/errors/errors.ts';

export type Workplace = AsyncDisposable & { readonly folder: string };

/** Supervisors of one data folder at the same time. */
const supervisorsMax = 64;
const claimed = new Set<string>();

/**
 * `<dataDir>/browser-runner/1`, `2`, …: the first that no living process holds. @throws UsageError
 * when it cannot be written.
 */
export async function claimWorkplace(dataDir: string): Promise<Workplace> {
  for (let number = 1; number <= supervisorsMax; number++) {
    const folder = join(dataDir, 'browser-runner', String(number));
    const owner = join(folder, 'owner');
    if (claimed.has(owner) || !(await claim(folder, owner))) continue;
    claimed.add(owner);
    return {
      folder,
      async [Symbol.asyncDispose]() {
        claimed.delete(owner);
        await rm(owner, { force: true });
      },
    };
  }
  throw new UsageError(
    `${supervisorsMax} browser runners use the data folder ${dataDir} already: give this one another, by --data-dir.`,
  );
}

async function claim(folder: string, owner: string): Promise<boolean> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (!(await isAlive(owner))) await rm(owner, { force: true });
    await writeFile(owner, String(process.pid), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') return false;
    throw new UsageError(
      `The browser's files cannot be kept in ${folder}: ${cause instanceof Error ? cause.message : String(cause)}. Name another folder by --data-dir.`,
      { cause },
    );
  }
}

/** A number of this very process is left from another: this one has claimed nothing here yet. */
async function isAlive(owner: string): Promise<boolean> {
  const pid = Number(await readFile(owner, 'utf8').catch(() => ''));
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Of another user, and alive.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
