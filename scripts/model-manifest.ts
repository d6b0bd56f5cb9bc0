// Writes a model folder's manifest.json: hashes its files anew and keeps what a person decided (dtypes, bounds, prefixes). For
// a folder that has no manifest yet, such as one downloaded from Hugging Face, it drafts one and makes the golden vectors.
//
//   node scripts/model-manifest.ts models/all-MiniLM-L6-v2
//   node scripts/model-manifest.ts models/bge-small Xenova/bge-small-en-v1.5

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { parseGolden, parseManifest, type Golden, type Manifest } from '#core/model-manifest.ts';
import { createEmbedder } from '#core/transformers/embedder.ts';

/** Graph files by dtype, best first: the first that is there makes the golden vectors. */
const graphs = { fp32: 'onnx/model.onnx', fp16: 'onnx/model_fp16.onnx', q8: 'onnx/model_quantized.onnx', int8: 'onnx/model_int8.onnx' } as const;
const configSchema = z.object({ hidden_size: z.int().positive(), max_position_embeddings: z.int().positive().default(512) });
const tokenizerSchema = z.object({ model_max_length: z.number().positive().default(512) });
const poolingSchema = z.object({ pooling_mode_cls_token: z.boolean().default(false) });
const shippedGolden = fileURLToPath(new URL('../models/all-MiniLM-L6-v2/golden.json', import.meta.url));

const folder = resolve(process.argv[2] ?? 'models/all-MiniLM-L6-v2');
const at = (path: string): string => join(folder, path);
const json = (path: string): unknown => JSON.parse(readFileSync(at(path), 'utf8'));

try {
  if (existsSync(at('manifest.json'))) write({ ...z.record(z.string(), z.unknown()).parse(json('manifest.json')), files: hashes() });
  else await draft(process.argv[3]);
} catch (error) {
  console.error(`${folder}: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

async function draft(modelId: string | undefined): Promise<void> {
  if (modelId === undefined) throw new Error('there is no manifest.json yet: give the model\'s id as the second argument.');
  const dtypes = Object.entries(graphs).filter(([, file]) => existsSync(at(file)));
  const [reference] = dtypes;
  if (reference === undefined) throw new Error(`there is none of ${Object.values(graphs).join(', ')}.`);
  const config = configSchema.parse(json('config.json'));
  const manifest: Manifest = {
    format: 1, modelId, licence: 'see the model\'s card', dimensions: config.hidden_size,
    maxTokens: Math.min(config.max_position_embeddings, tokenizerSchema.parse(json('tokenizer_config.json')).model_max_length),
    pooling: existsSync(at('1_Pooling/config.json')) && poolingSchema.parse(json('1_Pooling/config.json')).pooling_mode_cls_token ? 'cls' : 'mean',
    normalise: true, prefixes: { query: '', passage: '' },
    dtypes: Object.fromEntries(dtypes.map(([dtype, file]) => [dtype, dtype.startsWith('fp')
      ? { file, devices: ['webgpu', 'cuda', 'cpu', 'wasm'], goldenMeanMin: 0.998, goldenMin: 0.995 }
      : { file, devices: ['cpu', 'wasm'], goldenMeanMin: 0.98, goldenMin: 0.95 }])),
    files: hashes(),
  };
  // A graph that pools by itself has one output, and none to pool.
  const golden = await goldenOf(manifest, reference[0]).then((made) => ({ made, pooling: manifest.pooling }),
    async () => ({ made: await goldenOf({ ...manifest, pooling: 'none' }, reference[0]), pooling: 'none' as const }));
  writeFileSync(at('golden.json'), JSON.stringify(golden.made));
  write({ ...manifest, pooling: golden.pooling, files: hashes() });
  console.log('Look through prefixes, licence and bounds, then run this again to check it.');
}

/** The shipped golden texts as this model embeds them on the processor, one text a batch. */
async function goldenOf(manifest: Manifest, dtype: string): Promise<Golden> {
  const model = { manifest, revision: '', read: (path: string) => readFile(at(path)) };
  await using embedder = await createEmbedder({ model, location: folder, device: 'cpu', dtype, threads: 0, budget: 1, adapter: '', softwareAdapter: false });
  const cases: { text: string; vector: number[] }[] = [];
  for (const { text } of parseGolden(readFileSync(shippedGolden, 'utf8')).cases) {
    const [outcome] = await embedder.embed([text]);
    if (outcome === undefined || !outcome.ok) throw new Error(`"${text.slice(0, 40)}" gets no vector: ${outcome?.message}`);
    cases.push({ text, vector: Array.from(outcome.vector, (value) => Number(value.toPrecision(7))) });
  }
  return { model: manifest.modelId, reference: `transformers.js, ${dtype} on the processor, cut at ${manifest.maxTokens} tokens`, dimensions: manifest.dimensions, cases };
}

/** SHA-256 of every file that a runner may load. */
function hashes(): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1).replaceAll('\\', '/'))
    .filter((path) => /\.(json|txt|onnx|onnx_data|model)$/.test(path) && path !== 'manifest.json');
  return Object.fromEntries(paths.toSorted().map((path) => [path, createHash('sha256').update(readFileSync(at(path))).digest('hex')]));
}

function write(manifest: unknown): void {
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  const { files } = parseManifest(text);
  writeFileSync(at('manifest.json'), text);
  console.log(`${at('manifest.json')}: ${Object.keys(files).length} files`);
}
