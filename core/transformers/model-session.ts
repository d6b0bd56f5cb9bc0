// Loads one graph of a model's folder with transformers.js; a failure is explained in one line.

import {
  AutoModel,
  env,
  LogLevel,
  type PreTrainedModel,
  type PreTrainedTokenizer,
  type Tensor,
} from '@huggingface/transformers';
import { VectorStreamError } from '#core/errors/errors.ts';
import type { Device } from '#core/model/model-manifest.ts';
import { loadTokenizer } from './tokenizer.ts';

export type ModelSessionOptions = {
  readonly modelId: string;
  /**
   * Where transformers.js finds the model's files: a folder's absolute path or URL, without a slash
   * at its end.
   */
  readonly location: string;
  /** The graph's path inside `location`. */
  readonly file: string;
  /** Another graph in `location`, whose weights this one reads; `null`: it has its own. */
  readonly weights: string | null;
  /** Files beside a large graph that hold its weights: `<file>_data`, `<file>_data_1`, … */
  readonly dataFiles: number;
  readonly device: Device;
  readonly dtype: string;
  /** Threads per matrix product; 0: the runtime chooses. */
  readonly threads: number;
};

/** Values by output name; those that are not tensors are ignored. */
export type Outputs = ReadonlyMap<string, unknown>;

export type LoadedSession = {
  readonly tokenizer: PreTrainedTokenizer;
  readonly run: (inputs: Readonly<Record<string, Tensor>>) => Promise<Outputs>;
  readonly dispose: () => Promise<void>;
};

/** The session cannot load, or its answer has the wrong shape: the process or worker must end. */
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
    const { modelId, dtype, device } = options;
    throw new SessionError(
      `${modelId} cannot be loaded as ${dtype} on ${device}: ${reasonOf(cause)}.${hints[device]}`,
      { cause },
    );
  }
}

async function load({
  location,
  file,
  weights,
  dataFiles,
  device,
  dtype,
  threads,
}: ModelSessionOptions): Promise<LoadedSession> {
  // transformers.js takes a path as it is. A URL must be given in two parts, the last of which
  // looks like a model's name.
  const slash = location.includes('://') ? location.lastIndexOf('/') + 1 : 0;
  env.localModelPath = location.slice(0, slash);
  env.allowLocalModels = true;
  env.allowRemoteModels = false;
  // Failures are thrown; without this, the runtime would also print them over several lines.
  env.logLevel = LogLevel.NONE;
  const name = location.slice(slash);

  const tokenizer = await loadTokenizer(name);
  // transformers.js derives a graph's file name from the dtype. `fp32` adds no suffix, so exactly
  // this file is loaded.
  const fileAt = file.lastIndexOf('/') + 1;
  const session: PreTrainedModel = await AutoModel.from_pretrained(name, {
    dtype: 'fp32',
    subfolder: file.slice(0, Math.max(0, fileAt - 1)),
    model_file_name: file.slice(fileAt).replace(/\.onnx$/, ''),
    use_external_data_format: dataFiles,
    device,
    session_options: {
      ...sessionOptions({ dtype, threads }),
      // In Node, the runtime finds the file by itself.
      ...(weights !== null && slash > 0
        ? { externalData: [{ path: weights.slice(weights.lastIndexOf('/') + 1), data: weights }] }
        : {}),
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

/** What the runtime is told about arithmetic and threads, on every device. */
export function sessionOptions({
  dtype,
  threads,
}: Pick<ModelSessionOptions, 'dtype' | 'threads'>): Record<string, unknown> {
  return {
    ...(integerDtypes.has(dtype) ? exactProducts : {}),
    ...(floatDtypes.has(dtype) ? floatProducts : {}),
    ...(threads > 0 ? { intraOpNumThreads: threads, interOpNumThreads: 1 } : {}),
  };
}

/**
 * The dtypes that need this option. On x86 processors with AVX2 but without VNNI, the fast 8-bit
 * product saturates: `q8` then misses its golden bounds (mean 0.9955 instead of 0.9979). The option
 * selects a product that does not saturate. Other processors and devices ignore it.
 */
const integerDtypes: ReadonlySet<string> = new Set(['q8', 'int8', 'uint8']);
const exactProducts = { extra: { session: { x64quantprecision: '1' } } };

/**
 * The weights of the float graphs are stored as integers. On a processor the runtime would fuse
 * their scaling into the product and compute with 8-bit activations: cosines to float32 of 0.99975
 * (mean) and 0.99856 (least). On WebGPU it would scale all weights again in every pass: 48 of 205
 * kernels. This option scales them once, when the session opens; the product stays in floats, on a
 * processor at about half the speed.
 */
const floatDtypes: ReadonlySet<string> = new Set(['fp32', 'fp16']);
const floatProducts = { extra: { session: { disable_quant_qdq: '1' } } };

const hints: Readonly<Record<Device, string>> = {
  cpu: '',
  wasm: '',
  webgpu: ' WebGPU needs a GPU with its driver, and on Linux the Vulkan loader (libvulkan1).',
  cuda: ' CUDA needs the CUDA build of onnxruntime-node; webgpu works without.',
};

/** The runtime's message in one line, without the source position at its start. */
function reasonOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return message
    .replaceAll(/\s+/g, ' ')
    .replace(/^\S+\.(?:cc|cpp|h):\d+ .*? was false\. /, '')
    .trim()
    .replace(/\.$/, '')
    .slice(0, 300);
}
