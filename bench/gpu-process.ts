// A process that embeds on WebGPU: first with VectorStream's embedder, then with the pipeline of
// transformers.js, because two sessions at once can end a process.
//
// Argument: a request as JSON. It sends one message for each measurement.

import { basename, dirname } from 'node:path';
import { env, pipeline } from '@huggingface/transformers';
import { at } from '#core/errors/assert.ts';
import { createEmbedder, gpuBudget } from '#core/transformers/embedder.ts';
import { cosine } from '#core/vectors/vector.ts';
import { describeMachine } from '../node-runner/machine.ts';
import { openModelFolder } from '../node-runner/model-folder.ts';
import { adapterInUse, type Adapter } from '../node-runner/webgpu-adapter.ts';
import { median } from './figures.ts';

export type GpuRequest = {
  readonly model: string;
  /** The model as the pipeline needs it; see `makeTokenLevelModel`. */
  readonly tokenLevelModel: string;
  readonly dtype: 'fp16' | 'fp32';
  readonly isQuick: boolean;
};

export type Shape = { readonly texts: number; readonly tokens: number };
export type GpuMessage =
  | { readonly kind: 'adapter'; readonly adapter: Adapter }
  | { readonly kind: 'ours' | 'pipeline'; readonly shape: Shape; readonly textsPerSecond: number }
  | { readonly kind: 'memory'; readonly mebibytes: number }
  | { readonly kind: 'agreement'; readonly leastCosine: number };

const onGpu: readonly Shape[] = [1, 8, 64, 256].flatMap((texts) =>
  [8, 32, 128, 256].map((tokens) => ({ texts, tokens })),
);
/** Enough to see that everything runs; the times say nothing. */
const onProcessor: readonly Shape[] = [{ texts: 2, tokens: 8 }];
/** Each is one token. */
const words = [
  'wool',
  'jacket',
  'oak',
  'lamp',
  'steel',
  'knife',
  'garden',
  'chair',
  'glass',
  'phone',
];

/** Distinct texts; their two special tokens count too. */
function textsOf({ texts, tokens }: Shape): string[] {
  return Array.from({ length: texts }, (_, text) =>
    Array.from({ length: tokens - 2 }, (_unused, word) =>
      at(words, (Math.floor(text / 10 ** (word % 4)) + word) % words.length),
    ).join(' '),
  );
}

async function textsPerSecond(
  embed: () => Promise<unknown>,
  texts: number,
  rounds: number,
): Promise<number> {
  // Compiles the shaders.
  await embed();
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const startedAt = performance.now();
    await embed();
    seconds.push((performance.now() - startedAt) / 1000);
  }
  return texts / median(seconds);
}

const tell = (message: GpuMessage): void => void process.send?.(message);
const {
  model: path,
  tokenLevelModel,
  dtype,
  isQuick,
}: GpuRequest = JSON.parse(process.argv[2] ?? '{}');

const gpu = describeMachine().gpu;
const { model, folder } = await openModelFolder(path);
const before = process.memoryUsage.rss();
const embedder = await createEmbedder({
  model,
  location: folder.replaceAll('\\', '/'),
  device: 'webgpu',
  dtype,
  threads: 0,
  budget: gpuBudget,
  adapter: '',
  softwareAdapter: false,
});
const adapter = adapterInUse(gpu);
tell({ kind: 'adapter', adapter });
const rounds = isQuick || adapter.software ? 1 : 5;
const shapes = adapter.software ? onProcessor : onGpu;
for (const shape of shapes) {
  const texts = textsOf(shape);
  const rate = await textsPerSecond(() => embedder.embed(texts), texts.length, rounds);
  tell({ kind: 'ours', shape, textsPerSecond: rate });
}
const compared = textsOf(at(shapes, 0));
const found = await embedder.embed(compared);
tell({ kind: 'memory', mebibytes: (process.memoryUsage.rss() - before) / 2 ** 20 });
await embedder[Symbol.asyncDispose]();

env.localModelPath = `${dirname(tokenLevelModel)}/`;
env.allowRemoteModels = false;
const extract = await pipeline('feature-extraction', basename(tokenLevelModel), {
  dtype,
  device: 'webgpu',
  session_options: { extra: { session: { disable_quant_qdq: '1' } } },
});
const byPipeline = (texts: string[]) => extract(texts, { pooling: 'mean', normalize: true });
for (const shape of shapes) {
  const texts = textsOf(shape);
  const rate = await textsPerSecond(() => byPipeline(texts), texts.length, rounds);
  tell({ kind: 'pipeline', shape, textsPerSecond: rate });
}
const expected: number[][] = (await byPipeline(compared)).tolist();
const cosines = found.map((outcome, index) =>
  outcome.ok ? cosine(outcome.vector, at(expected, index)) : 0,
);
tell({ kind: 'agreement', leastCosine: Math.min(...cosines) });
// Does not wait for the session's disposal, because some drivers hang in it.
process.exit(0);
