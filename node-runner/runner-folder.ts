// Makes a folder with its parents, or fails at once: Node's own recursive `mkdir` never returns
// where a parent exists and cannot have such a folder, as in /proc.

import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

export async function makeRunnerFolder(folder: string): Promise<void> {
  if (await isFolder(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) await makeRunnerFolder(parent);
  try {
    await mkdir(folder);
  } catch (error) {
    // Another process may just have made it.
    if (!(await isFolder(folder))) throw error;
  }
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
