// Embeds texts with transformers.js: the verified files of a model, one session, and no vector that was not checked.

import { AutoModel, AutoTokenizer, env, LogLevel, Tensor, type PreTrainedModel } from '@huggingface/transformers';
import { VectorStreamError } from '../errors.ts';
import { manifestFile, verifyFiles, type Device, type Manifest, type Model } from '../model-manifest.ts';
import type { EmbedOutcome, Embedder, EmbedderInfo } from '../ports.ts';
import { vectorProblem } from '../vector.ts';
import { microBatches } from './micro-batches.ts';
import { normalise, pool } from './pooling.ts';
import { createTokenise, tensorsOf } from './tokens.ts';

export type EmbedderOptions = {
  readonly model: Model;
  /** Where transformers.js finds the model's files: a folder's absolute path or URL, without a slash at its end. */
  readonly location: string;
  readonly device: Device;
  readonly dtype: string;
  /** Threads of one product; 0 leaves it to the runtime. */
  readonly threads: number;
  /** Padded tokens per run; see `cpuBudget`. */
  readonly budget: number;
  readonly adapter: string;
  readonly softwareAdapter: boolean;
};

/** The session cannot be loaded, or what it answers is not what was asked: the process or worker must end. */
export class SessionError extends VectorStreamError {
  override readonly name = 'SessionError';
  readonly code = 'session';
  readonly retryable = true;
}

/**
 * Padded tokens that a CPU runs at once, such as 16 texts of 24: enough to fill its units, little enough to stay in its
 * caches. From 256 to 512 there is no difference; 128 and 1024 cost about 5 % more, 1536 15 %.
 */
export const cpuBudget = 384;
/** A GPU needs more at once before its launches pay. */
export const gpuBudget = 8192;

/** An embedder whose `info.textsPerSecond` is yet unknown (0); `warmUp` measures it. @throws ModelFileError, SessionError */
export async function createEmbedder(options: EmbedderOptions): Promise<Embedder> {
  const { model: { manifest } } = options;
  await verifyFiles(options.model, options.dtype);
  const { tokenise, padId, session } = await load(options).catch((cause: unknown) => {
    throw new SessionError(`${manifest.modelId} cannot be loaded as ${options.dtype} on ${options.device}: ${reasonOf(cause)}.${hints[options.device]}`, { cause });
  });

  const run = async (rows: readonly (readonly number[])[]): Promise<Float32Array[]> => {
    const { padded, inputs } = tensorsOf(rows, padId);
    const outputs: unknown = await session(inputs);
    const expected = manifest.pooling === 'none' ? [rows.length, manifest.dimensions] : [rows.length, padded, manifest.dimensions];
    const vectors = pool(outputOf(outputs, manifest, expected), rows.map((row) => row.length), padded, manifest.dimensions, manifest.pooling);
    return manifest.normalise ? vectors.map(normalise) : vectors;
  };

  return {
    info: infoOf(options),
    async embed(texts) {
      const rows = tokenise(texts.map((text) => manifest.prefixes.passage + text));
      const found = new Map<number, EmbedOutcome>();
      for (const batch of microBatches(rows.map((row) => row.length), options.budget)) {
        const vectors = await run(batch.map((index) => rows[index] ?? []));
        batch.forEach((index, position) => {
          found.set(index, outcomeOf(vectors[position] ?? new Float32Array(0), manifest.dimensions));
        });
      }
      const outcomes = texts.map((_, index) => found.get(index) ?? { ok: false as const, code: 'invalid_vector', message: 'the session gave no vector' });
      // One odd text may have no vector; when none of several has, it is the session that is broken.
      const first = outcomes[0];
      if (outcomes.length > 1 && first?.ok === false && outcomes.every((outcome) => !outcome.ok)) {
        throw new SessionError(`None of ${outcomes.length} texts got a valid vector: ${first.message}`);
      }
      return outcomes;
    },
    async [Symbol.asyncDispose]() {
      await session.dispose();
    },
  };
}

const hints: Readonly<Record<Device, string>> = {
  cpu: '',
  wasm: '',
  webgpu: ' WebGPU needs a GPU with its driver, and on Linux the Vulkan loader (libvulkan1).',
  cuda: ' CUDA needs the CUDA build of onnxruntime-node; webgpu works without.',
};

/** The runtime's message in one line, without the place in its source that it begins with. */
function reasonOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.replaceAll(/\s+/g, ' ').replace(/^\S+\.(?:cc|cpp|h):\d+ .*? was false\. /, '').trim().replace(/\.$/, '').slice(0, 300);
}

async function load(options: EmbedderOptions) {
  const { manifest } = options.model;
  const slash = options.location.lastIndexOf('/') + 1;
  env.localModelPath = options.location.slice(0, slash);
  env.allowLocalModels = true;
  env.allowRemoteModels = false;
  // Whatever fails is thrown; the runtime would print it as well, over several lines.
  env.logLevel = LogLevel.NONE;
  const name = options.location.slice(slash);

  const tokenizer = await AutoTokenizer.from_pretrained(name);
  // transformers.js derives a graph's name from the dtype; with `fp32`, which adds nothing, it loads just the verified file.
  const file = manifest.dtypes[options.dtype]?.file ?? '';
  const fileAt = file.lastIndexOf('/') + 1;
  const session: PreTrainedModel = await AutoModel.from_pretrained(name, {
    dtype: 'fp32',
    subfolder: file.slice(0, Math.max(0, fileAt - 1)),
    model_file_name: file.slice(fileAt).replace(/\.onnx$/, ''),
    device: options.device,
    session_options: options.threads > 0 ? { intraOpNumThreads: options.threads, interOpNumThreads: 1 } : {},
  });
  return { tokenise: createTokenise(tokenizer, manifest.maxTokens), padId: tokenizer.pad_token_id ?? 0, session };
}

function outputOf(outputs: unknown, manifest: Manifest, shape: readonly number[]): Float32Array {
  const name = manifest.pooling === 'none' ? 'sentence_embedding' : 'last_hidden_state';
  const byName = new Map(Object.entries(outputs ?? {}));
  const tensor: unknown = byName.get(name);
  if (!(tensor instanceof Tensor)) throw new SessionError(`The graph has no output ${name} but ${[...byName.keys()].join(', ')}; see "pooling" in ${manifestFile}.`);
  if (tensor.dims.join() !== shape.join() || !(tensor.data instanceof Float32Array)) {
    throw new SessionError(`The graph answered ${tensor.type}[${tensor.dims.join()}] where float32[${shape.join()}] was expected.`);
  }
  return tensor.data;
}

function outcomeOf(vector: Float32Array, dimensions: number): EmbedOutcome {
  const problem = vectorProblem(vector, dimensions);
  return problem === null ? { ok: true, vector } : { ok: false, code: 'invalid_vector', message: problem };
}

function infoOf({ model, device, dtype, adapter, softwareAdapter }: EmbedderOptions): EmbedderInfo {
  return {
    device, dtype, adapter, softwareAdapter, modelId: model.manifest.modelId, modelRevision: model.revision,
    dimensions: model.manifest.dimensions, textsPerSecond: 0,
  };
}
