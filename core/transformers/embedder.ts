// Embeds texts with transformers.js: from verified model files, in one session, and with every
// vector checked.

import { Tensor } from '@huggingface/transformers';
import { assert, at } from '#core/errors/assert.ts';
import {
  dataFilesOf,
  manifestFile,
  verifyFiles,
  type Device,
  type Manifest,
  type Model,
} from '#core/model/model-manifest.ts';
import type { EmbedOutcome, Embedder, EmbedderInfo } from '#core/ports.ts';
import { vectorProblem } from '#core/vectors/vector.ts';
import { microBatches } from './micro-batches.ts';
import { loadSession, SessionError, type Outputs } from './model-session.ts';
import { normalise, pool } from './pooling.ts';
import { createTokenise, tensorsOf } from './tokens.ts';

export type EmbedderOptions = {
  readonly model: Model;
  /**
   * Where transformers.js finds the model's files: a folder's absolute path or URL, without a slash
   * at its end.
   */
  readonly location: string;
  readonly device: Device;
  readonly dtype: string;
  /** Threads per matrix product; 0: the runtime chooses. */
  readonly threads: number;
  /** Padded tokens per run; see `cpuBudget`. */
  readonly budget: number;
  readonly adapter: string;
  readonly softwareAdapter: boolean;
};

/**
 * Padded tokens that a CPU runs at once, such as 16 texts of 24: enough to keep its units busy, few
 * enough to stay in its caches. Measured: no difference from 256 to 512; 128 and 1024 are about 5 %
 * slower, 1536 15 %.
 */
export const cpuBudget = 384;
/** A GPU needs more at once to make up for the cost of a launch. */
export const gpuBudget = 8192;

/**
 * Opens an embedder. Its `info.textsPerSecond` is 0 until `warmUp` measures it.
 *
 * @throws ModelFileError, SessionError
 */
export async function createEmbedder(options: EmbedderOptions): Promise<Embedder> {
  const {
    model: { manifest },
  } = options;
  await verifyFiles(options.model, options.dtype);
  const graph = manifest.dtypes[options.dtype];
  assert(graph !== undefined, `verifyFiles passed a model without ${options.dtype}`);
  const fused = options.device === 'webgpu' ? graph.webgpu : undefined;
  const {
    tokenizer,
    run: session,
    dispose,
  } = await loadSession({
    ...options,
    modelId: manifest.modelId,
    file: fused ?? graph.file,
    weights: fused === undefined ? null : graph.file,
    dataFiles: dataFilesOf(fused ?? graph.file, Object.keys(manifest.files)).length,
  });
  const tokenise = createTokenise(tokenizer, manifest.maxTokens);
  const padId = tokenizer.pad_token_id ?? 0;

  const run = async (rows: readonly (readonly number[])[]): Promise<Float32Array[]> => {
    const { padded, inputs } = tensorsOf(rows, padId);
    const outputs = await session(inputs);
    const expected =
      manifest.pooling === 'none'
        ? [rows.length, manifest.dimensions]
        : [rows.length, padded, manifest.dimensions];
    const vectors = pool(
      outputOf(outputs, manifest, expected),
      rows.map((row) => row.length),
      padded,
      manifest.dimensions,
      manifest.pooling,
    );
    return manifest.normalise ? vectors.map(normalise) : vectors;
  };

  return {
    info: infoOf(options),
    async embed(texts, onBatch) {
      const rows = tokenise(texts);
      const found = new Map<number, EmbedOutcome>();
      for (const batch of microBatches(
        rows.map(({ ids }) => ids.length),
        options.budget,
      )) {
        const vectors = await run(batch.map((index) => at(rows, index).ids));
        batch.forEach((index, position) => {
          found.set(
            index,
            outcomeOf(at(vectors, position), at(rows, index).tokens, manifest.dimensions),
          );
        });
        onBatch?.();
      }
      const outcomes = texts.map(
        (_, index) =>
          found.get(index) ?? {
            ok: false as const,
            code: 'invalid_vector',
            message: 'the session gave no vector',
          },
      );
      // One odd text may get no vector. If none of several texts gets one, the session is broken.
      const first = outcomes[0];
      if (outcomes.length > 1 && first?.ok === false && outcomes.every((outcome) => !outcome.ok)) {
        throw new SessionError(
          `None of ${outcomes.length} texts got a valid vector: ${first.message}`,
        );
      }
      return outcomes;
    },
    [Symbol.asyncDispose]: dispose,
  };
}

function outputOf(outputs: Outputs, manifest: Manifest, shape: readonly number[]): Float32Array {
  const name = manifest.pooling === 'none' ? 'sentence_embedding' : 'last_hidden_state';
  const tensor = outputs.get(name);
  if (!(tensor instanceof Tensor))
    throw new SessionError(
      `The graph has no output ${name} but ${[...outputs.keys()].join(', ')}; ` +
        `see "pooling" in ${manifestFile}.`,
    );
  if (tensor.dims.join() !== shape.join() || !(tensor.data instanceof Float32Array)) {
    throw new SessionError(
      `The graph answered ${tensor.type}[${tensor.dims.join()}] ` +
        `where float32[${shape.join()}] was expected.`,
    );
  }
  return tensor.data;
}

function outcomeOf(vector: Float32Array, tokens: number, dimensions: number): EmbedOutcome {
  const problem = vectorProblem(vector, dimensions);
  return problem === null
    ? { ok: true, vector, tokens }
    : { ok: false, code: 'invalid_vector', message: problem };
}

function infoOf({ model, device, dtype, adapter, softwareAdapter }: EmbedderOptions): EmbedderInfo {
  return {
    device,
    dtype,
    adapter,
    softwareAdapter,
    modelId: model.manifest.modelId,
    modelRevision: model.revision,
    dimensions: model.manifest.dimensions,
    textsPerSecond: 0,
  };
}
