// Names the gateway process that uses a data folder, by the lock file that it keeps there.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isAlive } from './is-alive.ts';

export const lockFile = (folder: string) => join(folder, 'vectorstream.lock');

/** The process id that the last holder wrote into the lock; `null` before it has committed it. */
export function holderIn(lock: DatabaseSync): number | null {
  try {
    const pid = lock.prepare('SELECT pid FROM holder').get()?.['pid'];
    return typeof pid === 'number' ? pid : null;
  } catch {
    return null;
  }
}

/**
 * The id of the living process that last took the folder; `null` when there is none, or when this
 * user may not read the lock.
 */
export function holderOf(folder: string): number | null {
  const file = lockFile(folder);
  if (!existsSync(file)) return null;
  try {
    using lock = new DatabaseSync(file, { readOnly: true });
    const pid = holderIn(lock);
    return pid !== null && isAlive(pid) ? pid : null;
  } catch {
    return null;
  }
}
