// Writes a model folder's manifest.json: updates the hashes of its files and keeps what a person
// chose (dtypes, bounds, prefixes). For a folder without a manifest, such as one downloaded from
// Hugging Face, it drafts one and computes the golden vectors.
//
//   npm run model-manifest -- models/all-MiniLM-L6-v2
//   npm run model-manifest -- models/bge-small Xenova/bge-small-en-v1.5

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import {
  dataFilesOf,
  goldenFile,
  manifestFile,
  parseManifest,
  type Manifest,
} from '#core/model/model-manifest.ts';
import { graphOutputOf } from '#core/transformers/graph-output.ts';
import { draftManifest, graphDtypes, graphFiles } from '../node-runner/draft-manifest.ts';
import { makeGolden } from '../node-runner/make-golden.ts';
import packageJson from '../package.json' with { type: 'json' };

const usage = `Usage: npm run model-manifest -- FOLDER [ID]

Writes manifest.json and golden.json for a model folder, so that gateways and runners can use it.
With a manifest, it renews the hashes of the files. ID names the model, such as organisation/name.

Help:
  --version  the version
  --help     this text
`;
for (const [flag, answer] of [
  ['--help', usage],
  ['--version', `${packageJson.version}\n`],
] as const)
  if (process.argv.includes(flag)) {
    process.stdout.write(answer);
    process.exit();
  }
const folder = resolve(process.argv[2] ?? 'models/all-MiniLM-L6-v2');
const at = (path: string): string => join(folder, path);

try {
  if (existsSync(at(manifestFile)))
    write({
      ...z
        .record(z.string(), z.unknown())
        .parse(JSON.parse(readFileSync(at(manifestFile), 'utf8'))),
      files: hashes(),
    });
  else await draft(process.argv[3]);
} catch (error) {
  console.error(`${folder}: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

async function draft(modelId: string | undefined): Promise<void> {
  if (modelId === undefined)
    throw new Error("there is no manifest.json yet: give the model's id as the second argument.");
  const dtypes = graphDtypes.filter((dtype) => existsSync(at(graphFiles[dtype])));
  const [reference] = dtypes;
  if (reference === undefined)
    throw new Error(`there is none of ${Object.values(graphFiles).join(', ')}.`);
  const files = hashes();
  const file = graphFiles[reference];
  const output = await graphOutputOf({
    modelId,
    location: folder.replaceAll('\\', '/'),
    file,
    weights: null,
    dataFiles: dataFilesOf(file, Object.keys(files)).length,
    device: 'cpu',
    dtype: reference,
    threads: 0,
  });
  const manifest: Manifest = {
    ...(await draftManifest({
      folder,
      modelId,
      licence: 'see the model card',
      dtypes,
      output,
      golden: 'reference',
    })),
    files,
  };
  writeFileSync(at(goldenFile), JSON.stringify(await makeGolden(folder, manifest, reference)));
  write({ ...manifest, files: hashes() });
  console.log(derived(manifest));
}

/** What a person should compare with the model card. */
function derived({ pooling, dimensions, maxTokens, prefixes, dtypes }: Manifest): string {
  const bounds = Object.entries(dtypes).map(
    ([name, { goldenMeanMin }]) => `${name} (cosine at least ${goldenMeanMin})`,
  );
  return [
    'Derived from the files:',
    `  pooling     ${pooling}`,
    `  dimensions  ${dimensions}`,
    `  max tokens  ${maxTokens}`,
    `  prefixes    query "${prefixes.query}", passage "${prefixes.passage}"`,
    `  dtypes      ${bounds.join(', ')}`,
    'Compare it with the model card: some models document their prefixes only there. Correct ' +
      'manifest.json by hand if it differs, then run this again.',
  ].join('\n');
}

/** SHA-256 of every file that a runner may load. */
function hashes(): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .filter((path) => /\.(json|txt|onnx|onnx_data\w*|model)$/.test(path) && path !== manifestFile);
  return Object.fromEntries(
    paths.toSorted().map((path) => [
      path,
      createHash('sha256')
        .update(readFileSync(at(path)))
        .digest('hex'),
    ]),
  );
}

function write(manifest: unknown): void {
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  const { files } = parseManifest(text);
  writeFileSync(at(manifestFile), text);
  console.log(`${at(manifestFile)}: ${Object.keys(files).length} files`);
}
