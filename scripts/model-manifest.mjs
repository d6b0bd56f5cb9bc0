// Writes a model folder's manifest.json: keeps what a person decided (dtypes, bounds, pooling) and hashes the files anew.
// Usage: node scripts/model-manifest.mjs [models/all-MiniLM-L6-v2]

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2] ?? 'models/all-MiniLM-L6-v2';
const file = join(folder, 'manifest.json');

let decided;
try {
  decided = JSON.parse(readFileSync(file, 'utf8'));
} catch (error) {
  console.error(`${file}: ${error.message}. Start from another model's manifest.json, with its "files" left empty.`);
  process.exit(1);
}

const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name).slice(join(folder, '/').length).replaceAll('\\', '/'))
  .filter((path) => /\.(json|txt|onnx|onnx_data|model)$/.test(path) && path !== 'manifest.json')
  .toSorted();

const files = Object.fromEntries(paths.map((path) => [path, createHash('sha256').update(readFileSync(join(folder, path))).digest('hex')]));
writeFileSync(file, `${JSON.stringify({ ...decided, files }, null, 2)}\n`);
console.log(`${file}: ${paths.length} files`);
