// Measures how close the vectors of the shipped model's graphs are to true float32: mean and least
// cosine over groups of texts, one text a job, on one device of this machine.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { devices, readGolden } from '#core/model/model-manifest.ts';
import { cpuBudget, createEmbedder } from '#core/transformers/embedder.ts';
import { goldenCosine, type GoldenCase } from '#core/trust/golden.ts';
import { openModelFolder } from '../node-runner/model-folder.ts';
import { fidelityTexts } from './fidelity-texts.ts';

const usage = `Usage: npm run measure-fidelity -- FOLDER DEVICE DTYPE...

Prints rows for the table in models/all-MiniLM-L6-v2/README.md. FOLDER holds the reference
vectors of each group of texts. See scripts/build-graphs.py for weights.safetensors and venv:

  mkdir fidelity
  for group in single-words short-queries product-texts long-texts; do
    node scripts/fidelity-texts.ts $group > fidelity/$group.jsonl
    venv/bin/python scripts/build-graphs.py vectors weights.safetensors \\
      fidelity/$group.jsonl fidelity/$group.f32
  done
  npm run measure-fidelity -- fidelity cpu q8 fp32
`;
const [vectorFolder, device, ...dtypes] = process.argv.slice(2);
if (vectorFolder === undefined || device === undefined || process.argv.includes('--help')) {
  process.stdout.write(usage);
  process.exit(process.argv.includes('--help') ? 0 : 2);
}

const { model, folder } = await openModelFolder(resolve('models/all-MiniLM-L6-v2'));
const { dimensions } = model.manifest;
const { calibration: _, ...measured } = fidelityTexts;
const groups: readonly (readonly [string, readonly GoldenCase[]])[] = [
  ['golden-texts', (await readGolden(model)).cases],
  ...Object.entries(measured).map(([group, texts]) => [group, casesOf(group, texts)] as const),
];
const heads = groups.map(([group, { length }]) => `${length} ${group.replace('-', ' ')}`);
console.log(`| graph, device | ${heads.join(' | ')} |\n|${' --- |'.repeat(heads.length + 1)}`);
for (const dtype of dtypes) {
  await using embedder = await createEmbedder({
    model,
    location: folder,
    device: z.enum(devices).parse(device),
    dtype,
    threads: 1,
    budget: cpuBudget,
    adapter: '',
    softwareAdapter: false,
  });
  const cells: string[] = [];
  for (const [, cases] of groups) {
    const cosines: number[] = [];
    // One text a job, as the query of a search is embedded.
    for (const one of cases) cosines.push(goldenCosine((await embedder.embed([one.text]))[0], one));
    const mean = cosines.reduce((sum, value) => sum + value, 0) / cosines.length;
    cells.push(`${mean.toFixed(4)}, ${Math.min(...cosines).toFixed(4)}`);
  }
  console.log(`| ${dtype}, ${device} | ${cells.join(' | ')} |`);
}

function casesOf(group: string, texts: readonly string[]): readonly GoldenCase[] {
  const bytes = new Uint8Array(readFileSync(join(vectorFolder ?? '', `${group}.f32`)));
  const values = new Float32Array(bytes.buffer);
  return texts.map((text, index) => ({
    text,
    vector: [...values.subarray(index * dimensions, (index + 1) * dimensions)],
  }));
}
