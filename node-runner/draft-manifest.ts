// Drafts the manifest of a model that has none, from the model's own settings.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { UsageError } from '#core/errors/errors.ts';
import type { Manifest } from '#core/model/model-manifest.ts';
import type { GraphOutput } from '#core/transformers/graph-output.ts';

/**
 * Graph files as transformers.js names them, by dtype, best first. The first one that a model has
 * makes its golden vectors.
 */
export const graphFiles = {
  fp32: 'onnx/model.onnx',
  fp16: 'onnx/model_fp16.onnx',
  q8: 'onnx/model_quantized.onnx',
  int8: 'onnx/model_int8.onnx',
} as const;
export type GraphDtype = keyof typeof graphFiles;
export const graphDtypes = ['fp32', 'fp16', 'q8', 'int8'] as const satisfies readonly GraphDtype[];

/** What a session loads besides its graph. All are required. */
export const sessionFiles = ['config.json', 'tokenizer.json', 'tokenizer_config.json'] as const;

/**
 * Files of sentence-transformers that say how a graph's output becomes the model's vectors. Any of
 * them may be absent.
 */
export const sentenceFiles = [
  'modules.json',
  '1_Pooling/config.json',
  'sentence_bert_config.json',
  'config_sentence_transformers.json',
] as const;

/** Attention memory grows with the square of this; product texts are far shorter. */
const maxTokensMax = 2048;
const count = z.int().positive().nullish().catch(null);

const configSchema = z.object({
  max_position_embeddings: count,
  pad_token_id: z.int().min(0).nullish().catch(null),
  model_type: z.string().nullish(),
});
const tokenizerSchema = z.object({ model_max_length: count });
const sentenceSchema = z.object({ max_seq_length: count });
const modulesSchema = z.array(z.object({ type: z.string() }));
const poolingSchema = z.looseObject({});
const promptsSchema = z.object({
  prompts: z.record(z.string(), z.string()).catch({}),
  default_prompt_name: z.string().nullish().catch(null),
});

export type DraftOptions = {
  readonly folder: string;
  readonly modelId: string;
  readonly licence: string;
  readonly dtypes: readonly GraphDtype[];
  readonly output: GraphOutput;
  readonly golden: Manifest['golden'];
};

/**
 * The manifest without `files`.
 *
 * @throws UsageError when the settings are unreadable or ask for something unsupported
 */
export async function draftManifest({
  folder,
  modelId,
  licence,
  dtypes,
  output,
  golden,
}: DraftOptions): Promise<Omit<Manifest, 'files'>> {
  const settings = <T>(file: string, schema: z.ZodType<T>): Promise<T | null> =>
    readSettings(folder, file, schema, modelId);
  return {
    format: 1,
    modelId,
    licence,
    dimensions: output.dimensions,
    maxTokens: await maxTokensOf(settings),
    pooling: output.name === 'sentence_embedding' ? 'none' : await poolingOf(settings, modelId),
    // The index holds unit vectors, whatever the model outputs.
    normalise: true,
    prefixes: prefixesOf(await settings('config_sentence_transformers.json', promptsSchema)),
    dtypes: Object.fromEntries(
      dtypes.map((dtype) => [
        dtype,
        { file: graphFiles[dtype], ...(dtype === 'fp32' || dtype === 'fp16' ? floating : integer) },
      ]),
    ),
    golden,
  };
}

const floating: Omit<Manifest['dtypes'][string], 'file'> = {
  devices: ['webgpu', 'cuda', 'cpu', 'wasm'],
  goldenMeanMin: 0.998,
  goldenMin: 0.995,
};
/** Loose enough for an untuned graph, yet far from the vectors of any other text. */
const integer: typeof floating = { devices: ['cpu', 'wasm'], goldenMeanMin: 0.98, goldenMin: 0.95 };

type Settings = <T>(file: string, schema: z.ZodType<T>) => Promise<T | null>;

async function maxTokensOf(settings: Settings): Promise<number> {
  const config = await settings('config.json', configSchema);
  // RoBERTa and related models count positions from the padding token's id + 1.
  const reserved = /roberta|mpnet|camembert/.test(config?.model_type ?? '')
    ? (config?.pad_token_id ?? 1) + 1
    : 0;
  const positions = config?.max_position_embeddings;
  const limits = [
    positions == null ? null : positions - reserved,
    (await settings('tokenizer_config.json', tokenizerSchema))?.model_max_length,
    (await settings('sentence_bert_config.json', sentenceSchema))?.max_seq_length,
  ].filter((limit) => limit != null);
  return limits.length === 0 ? 512 : Math.min(...limits, maxTokensMax);
}

/** Mean unless the settings say otherwise, as in most models of this kind. */
async function poolingOf(settings: Settings, modelId: string): Promise<'mean' | 'cls'> {
  const modules = await settings('modules.json', modulesSchema);
  const foreign =
    modules
      ?.map(({ type }) => type.split('.').at(-1) ?? type)
      .filter((type) => !['Transformer', 'Pooling', 'Normalize'].includes(type)) ?? [];
  if (foreign.length > 0)
    throw new UsageError(
      `${modelId} cannot be used: its graph outputs last_hidden_state, ` +
        `and its modules.json adds ${foreign.join(', ')}, which is not supported. ` +
        'A graph that outputs sentence_embedding contains those layers.',
    );
  const pooling = (await settings('1_Pooling/config.json', poolingSchema)) ?? {};
  const named = Object.entries(pooling)
    .filter(([name, value]) => name.startsWith('pooling_mode_') && value === true)
    .map(([name]) => name.slice('pooling_mode_'.length));
  const modes = typeof pooling['pooling_mode'] === 'string' ? [pooling['pooling_mode']] : named;
  const [mode = 'mean', ...more] = modes.map((name) => name.replace(/_tokens?$/, ''));
  if (more.length > 0 || (mode !== 'mean' && mode !== 'cls'))
    throw new UsageError(
      `${modelId} cannot be used: it pools by ${[mode, ...more].join(' and ')}; ` +
        'only mean and cls are supported.',
    );
  return mode;
}

/** These are the usual prompt names of models that distinguish queries from passages. */
function prefixesOf(settings: z.infer<typeof promptsSchema> | null): Manifest['prefixes'] {
  const prompts = settings?.prompts ?? {};
  const fallback = prompts[settings?.default_prompt_name ?? ''] ?? '';
  return {
    query: prompts['query'] ?? fallback,
    passage: prompts['passage'] ?? prompts['document'] ?? prompts['corpus'] ?? fallback,
  };
}

async function readSettings<T>(
  folder: string,
  file: string,
  schema: z.ZodType<T>,
  modelId: string,
): Promise<T | null> {
  const text = await readFile(join(folder, file), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new UsageError(`${modelId} cannot be used: its ${file} has an unexpected format.`, {
      cause,
    });
  }
}
