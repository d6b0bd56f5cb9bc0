// The size of the pages: little script before anything is embedded, all deferred, none inline, and
// the demo precaches no unneeded file.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { assetsOf } from '../../scripts/write-precache.ts';
import { buildPages } from '../helpers/browser.ts';

const root = join(import.meta.dirname, '..', '..');
const pages = join(root, 'dist', 'pages');
const page = 'demo/index.html';
const everyPage = [
  { path: 'console/index.html', kilobytesMax: 120, filesMin: 5, painted: 'class="first-paint"' },
  { path: page, kilobytesMax: 60, filesMin: 2, painted: '<h1>' },
  { path: 'design/index.html', kilobytesMax: 60, filesMin: 2, painted: 'getting ready' },
  { path: 'lend/index.html', kilobytesMax: 120, filesMin: 2, painted: 'class="first-paint"' },
];

beforeAll(() => buildPages(), 120_000);

const read = (path: string): string => readFileSync(join(pages, path), 'utf8');
/** Sizes as the gateway sends files to every current browser: by Brotli, except for tiny files. */
function bytesOf(path: string): number {
  const compressed = join(pages, `${path}.br`);
  return statSync(existsSync(compressed) ? compressed : join(pages, path)).size;
}
const importsOf = (path: string): readonly string[] =>
  [...read(path).matchAll(/(?:from|import)\s*["'`]\.\/([\w.-]+\.js)["'`]/g)].map(([, name]) =>
    join('assets', name ?? ''),
  );

/** The page's script and all that it imports statically. */
function scripts(): readonly string[] {
  const found = [...read(page).matchAll(/(?:src|href)="(assets\/[^"]+\.js)"/g)].map(
    ([, path]) => path ?? '',
  );
  for (const path of found) found.push(...importsOf(path).filter((name) => !found.includes(name)));
  return found;
}

/** Lazy parts too. */
const scriptsOf = (path: string): readonly string[] =>
  assetsOf(pages, path).filter(
    (name) => name.endsWith('.js') && !name.includes('embedding-worker'),
  );

test.for(everyPage)(
  'all script of $path but the embedding worker is less than $kilobytesMax KB, compressed',
  ({ path, kilobytesMax, filesMin }) => {
    const all = scriptsOf(path);
    expect(all.length).toBeGreaterThanOrEqual(filesMin);
    expect(all.reduce((sum, name) => sum + bytesOf(name), 0)).toBeLessThan(kilobytesMax * 1_000);
  },
);

test('what the demo loads first is among its script', () => {
  const first = scripts();
  expect(first.length).toBeGreaterThan(0);
  expect(scriptsOf(page)).toEqual(expect.arrayContaining([...first]));
});

test('the embedding worker is less than 200 KB, compressed', () => {
  const workers = assetsOf(pages, page).filter((path) => path.includes('embedding-worker'));
  expect(workers).toHaveLength(1);
  const bytes = workers
    .flatMap((path) => [path, ...importsOf(path)])
    .reduce((sum, path) => sum + bytesOf(path), 0);
  expect(bytes).toBeLessThan(200_000);
});

test.for(everyPage)('the first paint of $path waits for no script', ({ path, painted }) => {
  const html = read(path);
  const tags = html.match(/<script[^>]*>/g) ?? [];
  expect(tags).toHaveLength(1);
  expect(tags[0]).toContain('type="module"');
  // What is painted is there without script.
  expect(html).toContain(painted);
});

test.for(everyPage)('nothing of $path is inline or from another host', ({ path }) => {
  const html = read(path);
  expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|<script[^>]*>\s*[^<\s]/);
  expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
});

test('the service worker is a classic script and caches exactly the files of the page', () => {
  const script = read('demo-offline.js');
  const { files, version }: { readonly files: readonly string[]; readonly version: string } =
    JSON.parse(/^const precache=(.*);\n/.exec(script)?.[1] ?? '');
  const names = files.map((path) => basename(path));
  expect(version).toMatch(/^[0-9a-f]{16}$/);
  expect(names.map((name) => name.replace(/-[\w-]{8}(\.\w+)$/, '$1')).toSorted()).toEqual(
    expect.arrayContaining([
      'demo.css',
      'demo.js',
      'embedding-worker.js',
      'icon.svg',
      'ort-wasm-simd-threaded.asyncify.mjs',
    ]),
  );
  expect(names.filter((name) => name.endsWith('.wasm') || name.startsWith('runner-'))).toEqual([]);
  expect(scripts().every((path) => files.includes(path))).toBe(true);
  expect(script).not.toMatch(/(^|[;}\n])(import|export)[ {*"'`]/);
});
