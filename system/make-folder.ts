// Creates a folder with its parents, or fails at once.

import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Creates folders, by default such that only their owner may enter. Node's own recursive `mkdir`
 * never returns where a parent exists and cannot have such a folder, as in /proc.
 */
export function makeFolder(folder: string, mode = 0o700): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  const parent = dirname(folder);
  if (parent !== folder) makeFolder(parent, mode);
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    // Another process may just have made it.
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
  }
}
