// Finds the gateway process that uses a data folder, from the lock file that it keeps there.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isAlive } from '../../system/is-alive.ts';

/** The id of the living process that last took the folder, `null` when there is none. */
export function holderOf(dataDir: string): number | null {
  const file = join(dataDir, 'vectorstream.lock');
  if (!existsSync(file)) return null;
  try {
    using lock = new DatabaseSync(file, { readOnly: true });
    const pid = lock.prepare('SELECT pid FROM holder').get()?.['pid'];
    return typeof pid === 'number' && isAlive(pid) ? pid : null;
  } catch {
    // The holder has not yet written its id, or this user may not read the folder: the start of a
    // gateway says why.
    return null;
  }
}
