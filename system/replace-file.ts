// Writes a whole file in place of an older one.

import { rename, writeFile } from 'node:fs/promises';

/**
 * Writes atomically: whoever reads meanwhile, or after a crash, sees the whole old or the whole new
 * file. Calls for one path must not overlap. By default only the owner may read it.
 */
export async function replaceFile(path: string, text: string, mode = 0o600): Promise<void> {
  await writeFile(`${path}.new`, text, { mode });
  await rename(`${path}.new`, path);
}
