// Loads one graph of a model's folder with transformers.js, and says in one line why it cannot.

import {
  AutoModel,
  AutoTokenizer,
  env,
  LogLevel,
  type PreTrainedModel,
  type PreTrainedTokenizer,
  type Tensor,
} from '@huggingface/transformers';
import { VectorStreamError } from '#core/errors/errors.ts';
import type { Device } from '#core/model/model-manifest.ts';

export type ModelSessionOptions = {
  readonly modelId: string;
  /**
   * Where transformers.js finds the model's files: a folder's absolute path or URL, without a slash
   * at its end.
   */
  readonly location: string;
  /** The graph's path below it. */
  readonly file: string;
  /** Files beside a large graph that hold its weights: `<file>_data`, `<file>_data_1`, … */
  readonly dataFiles: number;
  readonly device: Device;
  readonly dtype: string;
  /** Threads of one product; 0 leaves it to the runtime. */
  readonly threads: number;
};

/** By name; what a graph gives besides tensors is not looked at. */
export type Outputs = ReadonlyMap<string, unknown>;

export type LoadedSession = {
  readonly tokenizer: PreTrainedTokenizer;
  readonly run: (inputs: Readonly<Record<string, Tensor>>) => Promise<Outputs>;
  readonly dispose: () => Promise<void>;
};

/**
 * The session cannot be loaded, or what it answers is not what was asked: the process or worker
 * must end.
 */
export class SessionError extends VectorStreamError {
  override readonly name = 'SessionError';
  readonly code = 'session';
  readonly retryable = true;
}

/** @throws SessionError */
export async function loadSession(options: ModelSessionOptions): Promise<LoadedSession> {
  try {
    return await load(options);
  } catch (cause) {
    throw new SessionError(
      `${options.modelId} cannot be loaded as ${options.dtype} on ${options.device}: ${reasonOf(cause)}.${hints[options.device]}`,
      { cause },
    );
  }
}

async function load({
  location,
  file,
  dataFiles,
  device,
  dtype,
  threads,
}: ModelSessionOptions): Promise<LoadedSession> {
  // A path is taken as it is; a URL only in two parts, and then its last must read like a name on
  // the hub.
  const slash = location.includes('://') ? location.lastIndexOf('/') + 1 : 0;
  env.localModelPath = location.slice(0, slash);
  env.allowLocalModels = true;
  env.allowRemoteModels = false;
  // Whatever fails is thrown; the runtime would print it as well, over several lines.
  env.logLevel = LogLevel.NONE;
  const name = location.slice(slash);

  const tokenizer = await AutoTokenizer.from_pretrained(name);
  // transformers.js derives a graph's name from the dtype; with `fp32`, which adds nothing, it
  // loads just this file.
  const fileAt = file.lastIndexOf('/') + 1;
  const session: PreTrainedModel = await AutoModel.from_pretrained(name, {
    dtype: 'fp32',
    subfolder: file.slice(0, Math.max(0, fileAt - 1)),
    model_file_name: file.slice(fileAt).replace(/\.onnx$/, ''),
    use_external_data_format: dataFiles,
    device,
    session_options: {
      ...(integerDtypes.has(dtype) ? exactProducts : {}),
      ...(threads > 0 ? { intraOpNumThreads: threads, interOpNumThreads: 1 } : {}),
    },
  });
  return {
    tokenizer,
    run: async (inputs) => {
      const outputs: unknown = await session(inputs);
      return new Map(Object.entries(outputs ?? {}));
    },
    dispose: async () => {
      await session.dispose();
    },
  };
}

/**
 * On x86 processors with AVX2 and without VNNI the fast 8-bit product saturates: `q8` then misses
 * its golden bounds (mean 0.9955 instead of 0.9979). This takes the product that does not; other
 * processors and devices do not look at it.
 */
const integerDtypes: ReadonlySet<string> = new Set(['q8', 'int8', 'uint8']);
const exactProducts = { extra: { session: { x64quantprecision: '1' } } };

const hints: Readonly<Record<Device, string>> = {
  cpu: '',
  wasm: '',
  webgpu: ' WebGPU needs a GPU with its driver, and on Linux the Vulkan loader (libvulkan1).',
  cuda: ' CUDA needs the CUDA build of onnxruntime-node; webgpu works without.',
};

/** The runtime's message in one line, without the place in its source that it begins with. */
function reasonOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return message
    .replaceAll(/\s+/g, ' ')
    .replace(/^\S+\.(?:cc|cpp|h):\d+ .*? was false\. /, '')
    .trim()
    .replace(/\.$/, '')
    .slice(0, 300);
}
