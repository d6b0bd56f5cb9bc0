// Tells the demo's service worker exactly which built files its page is made of, by following their
// names from the page.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';

/** Read whole for the names of others in them. */
const textual = new Set(['.html', '.js', '.mjs', '.css']);

/**
 * The assets that a page in `folder` needs, sorted, found by their names, which the build has made
 * unique by a hash of their content. The WebAssembly is left out: the embedding worker keeps it
 * with the model, and only when something is embedded.
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
  return [...found].toSorted().map((name) => `/assets/${name}`);
}

/**
 * Writes the list before the service worker's own script, with a version that changes when the page
 * or any of its files does.
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
