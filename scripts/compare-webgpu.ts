// Compares WebGPU on this machine with the processor's float32 arithmetic: mean and least cosine of
// 200 texts of 1 to 256 tokens, in batches of 1 to 64.

import { parseArgs } from 'node:util';
import { at } from '#core/errors/assert.ts';
import type { Model } from '#core/model/model-manifest.ts';
import { cpuBudget, createEmbedder, gpuBudget } from '#core/transformers/embedder.ts';
import { cosine } from '#core/vectors/vector.ts';
import { openModelFolder } from '../node-runner/model-folder.ts';
import { adapterInUse } from '../node-runner/webgpu-adapter.ts';
import packageJson from '../package.json' with { type: 'json' };

const usage = `Usage: npm run compare-webgpu -- [--plain] DTYPE

Ends with 1 when a cosine is below 0.9997. docs/browser-runner.md says how to run it without a GPU,
with 16-bit floats too.

Graph:
  --plain    the graph that other devices use

Help:
  --version  the version
  --help     this text
`;
const { values, positionals } = parseArgs({
  options: {
    plain: { type: 'boolean', default: false },
    version: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const [dtype] = positionals;
if (dtype === undefined || values.version || values.help) {
  process.stdout.write(values.version ? `${packageJson.version}\n` : usage);
  process.exit(values.version || values.help ? 0 : 2);
}

const least = 0.9997;
/** 200 in all. */
const batches = [64, 32, 24, 16, 16, 12, 8, 8, 6, 4, 3, 2, 1, 1, 1, 1, 1];
/** Each is one token, with the two around a text. */
const words = 'wool jacket oak lamp steel knife garden chair glass phone'.split(' ');

/** From 1 to 256, short ones first, so that large batches need little time on a processor. */
const tokensOf = (index: number): number => Math.floor(256 ** (index / 199));
const textOf = (index: number): string =>
  Array.from({ length: Math.max(0, tokensOf(index) - 2) }, (_, word) =>
    at(words, (index * 7 + word * word + Math.floor(word / 3)) % words.length),
  ).join(' ');

const { model, folder } = await openModelFolder('models/all-MiniLM-L6-v2');
const plainDtypes = Object.entries(model.manifest.dtypes).map(
  ([name, graph]) => [name, { ...graph, webgpu: undefined }] as const,
);
const plain: Model = {
  ...model,
  manifest: { ...model.manifest, dtypes: Object.fromEntries(plainDtypes) },
};
const settings = { location: folder, threads: 0, adapter: '', softwareAdapter: false };
await using processor = await createEmbedder({
  ...settings,
  model,
  device: 'cpu',
  dtype: 'fp32',
  budget: cpuBudget,
});
const gpu = await createEmbedder({
  ...settings,
  model: values.plain ? plain : model,
  device: 'webgpu',
  dtype,
  budget: gpuBudget,
});
console.log(`${dtype}, ${values.plain ? 'plain' : 'fused'} graph, ${adapterInUse(true).name}`);
const cosines: number[] = [];
for (const count of batches) {
  const texts = Array.from({ length: count }, (_, index) => textOf(cosines.length + index));
  const expected = await processor.embed(texts);
  const found = await gpu.embed(texts);
  for (const [index, one] of expected.entries()) {
    const other = at(found, index);
    cosines.push(one.ok && other.ok ? cosine(one.vector, other.vector) : 0);
  }
  const mean = cosines.reduce((sum, value) => sum + value, 0) / cosines.length;
  const figures = `mean ${mean.toFixed(7)}, least ${Math.min(...cosines).toFixed(7)}`;
  console.log(
    `${cosines.length} texts of up to ${tokensOf(cosines.length - 1)} tokens: ${figures}`,
  );
}
// Does not wait for the session's disposal, because some drivers hang in it.
process.exit(Math.min(...cosines) >= least ? 0 : 1);
