// Builds the browser pages into dist/pages if their sources have changed since the last build.
// Without dependencies and for Node 20, because set-up runs it.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endFirst } from './hand-over.mjs';

/**
 * Every possible source of a page. An unneeded entry causes needless builds; a missing one leaves
 * an outdated page.
 */
export const sources = [
  'package-lock.json',
  'package.json',
  'tsconfig.json',
  'vite.config.ts',
  'pages',
  'core',
  'client',
  'scripts/build-pages.mjs',
  'scripts/compress-pages.ts',
  'scripts/write-precache.ts',
  'scripts/write-api-reference.ts',
];

/** Resolves to whether it built anything. Throws with the builder's last output. */
export async function buildPages(root) {
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  // Without the development tools, as in an image, the pages exist already or are not needed.
  if (!existsSync(vite) || !existsSync(join(root, 'vite.config.ts'))) return false;
  const target = join(root, 'dist', 'pages');
  const stampFile = join(target, '.stamp');
  const stamp = hashOf(root);
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return false;

  // The old pages may be in use, so the new ones are built beside them and replace them at once.
  const draft = `${target}.${process.pid}`;
  const old = `${draft}.old`;
  const packagedNode = join(
    root,
    'node_modules',
    '.bin',
    process.platform === 'win32' ? 'node.cmd' : 'node',
  );
  try {
    await run(
      existsSync(packagedNode) ? packagedNode : process.execPath,
      [vite, 'build', '--logLevel', 'warn', '--outDir', draft],
      root,
    );
    writeFileSync(join(draft, '.stamp'), stamp);
    mkdirSync(join(root, 'dist'), { recursive: true });
    if (existsSync(target)) renameSync(target, old);
    renameSync(draft, target);
  } finally {
    rmSync(draft, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
  }
  return true;
}

function hashOf(root) {
  const hash = createHash('sha256');
  const add = (path) => {
    const full = join(root, path);
    if (!existsSync(full)) return;
    const entries = readdirEntries(full);
    if (entries === null) hash.update(`${path}\0`).update(readFileSync(full)).update('\0');
    else for (const entry of entries) add(`${path}/${entry}`);
  };
  sources.forEach(add);
  return hash.digest('hex');
}

/** Sorted names; `null` for a file. */
function readdirEntries(path) {
  try {
    return readdirSync(path).toSorted((a, b) => (a < b ? -1 : 1));
  } catch (error) {
    if (error.code === 'ENOTDIR') return null;
    throw error;
  }
}

function run(command, args, cwd) {
  const child = endFirst(
    spawn(command, args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
    }),
  );
  let output = '';
  const keep = (chunk) => {
    output = (output + chunk).slice(-5_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0
        ? resolve()
        : reject(new Error(`The pages cannot be built: ${output.trim() || `exit code ${code}`}`)),
    );
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const built = await buildPages(fileURLToPath(new URL('..', import.meta.url)));
  process.stderr.write(
    built ? 'Built the pages into dist/pages.\n' : 'The pages in dist/pages are up to date.\n',
  );
}
