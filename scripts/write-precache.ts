// Gives the demo's service worker the exact list of built files for its page, by following their
// names from the page.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';

/** Files that are searched for the names of other files. */
const textual = new Set(['.html', '.js', '.mjs', '.css']);

/**
 * The sorted assets that a page in `folder` needs. They are found by their names, which the build
 * made unique with a hash. WebAssembly is left out: the embedding worker caches it with the model,
 * once something is embedded.
 */
export function assetsOf(folder: string, page: string): readonly string[] {
  const names = readdirSync(join(folder, 'assets')).filter(
    (name) => !/\.(br|gz|map|wasm)$/.test(name),
  );
  const found = new Set<string>();
  const follow = (path: string): void => {
    if (!textual.has(extname(path))) return;
    const text = readFileSync(join(folder, path), 'utf8');
    for (const name of names) {
      if (found.has(name) || !text.includes(name)) continue;
      found.add(name);
      follow(join('assets', name));
    }
  };
  follow(page);
  return [...found].toSorted().map((name) => `assets/${name}`);
}

/**
 * Writes the list at the start of the service worker's script, with a version that changes when the
 * page or any of its files changes.
 */
export function writePrecache(folder: string, page: string, serviceWorker: string): void {
  const files = assetsOf(folder, page);
  const version = createHash('sha256')
    .update(readFileSync(join(folder, page)))
    .update(files.join())
    .digest('hex')
    .slice(0, 16);
  const path = join(folder, serviceWorker);
  writeFileSync(
    path,
    `const precache=${JSON.stringify({ version, files })};\n${readFileSync(path, 'utf8')}`,
  );
}
