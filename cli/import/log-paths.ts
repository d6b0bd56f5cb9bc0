// The files that a command names, with patterns such as `day-*.csv` resolved.

import { glob, stat } from 'node:fs/promises';
import { UsageError } from '#core/errors/errors.ts';

/**
 * The files in the order given, each once; those of a pattern are sorted by name. A name that
 * exists is no pattern.
 *
 * @throws UsageError for a pattern that fits no file
 */
export async function logPaths(named: readonly string[]): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const name of named) {
    if (!/[*?[{]/.test(name) || (await exists(name))) found.add(name);
    else {
      const matches = (await Array.fromAsync(glob(name))).toSorted();
      if (matches.length === 0)
        throw new UsageError(`${name}: no file fits this pattern; name a file, or quote it`);
      for (const match of matches) found.add(match);
    }
  }
  return [...found];
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
