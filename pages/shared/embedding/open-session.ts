// Opens the model session of a worker: checks the files' hashes and the golden vectors, measures
// the speed, and watches the GPU.

import mjs from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url';
import { VectorStreamError } from '#core/errors/errors.ts';
import { ModelFileError, readGolden } from '#core/model/model-manifest.ts';
import type { Embedder } from '#core/ports.ts';
import {
  forgetRuntimeFile,
  sessionDevice,
  setUpBrowserRuntime,
} from '#core/transformers/browser-runtime.ts';
import { cpuBudget, createEmbedder, gpuBudget } from '#core/transformers/embedder.ts';
import { warmUp } from '#core/transformers/warm-up.ts';
import { FileLoader } from './file-loader.ts';
import { findAdapter } from './gpu-adapter.ts';
import { forgetCachedModels } from './model-caches.ts';
import { loadRuntime, modelAddress, openCurrentModel } from './model-files.ts';
import { threadsOf } from './wasm-threads.ts';
import type { LoadProgress, OpenRequest } from './worker-messages.ts';

class DeviceError extends VectorStreamError {
  override readonly name = 'DeviceError';
  readonly code: string;
  readonly retryable: boolean;
  constructor(
    message: string,
    { code, retryable }: { readonly code: string; readonly retryable: boolean },
  ) {
    super(message);
    this.code = code;
    this.retryable = retryable;
  }
}

export type OpenedSession = {
  readonly embedder: Embedder;
  /** The result of the golden check, in one line. */
  readonly golden: string;
  /** Rejects when the GPU is lost or reports an error. Never resolves. */
  readonly lost: Promise<never>;
};

/**
 * `onBatch` is called after each part of the golden check.
 *
 * @throws DownloadError, ModelFileError, SessionError, WrongVectorsError, DeviceError
 */
export async function openSession(
  { device, dtype, threads, measureMs }: OpenRequest,
  onProgress: (progress: LoadProgress) => void,
  onBatch: () => void,
): Promise<OpenedSession> {
  const loader = new FileLoader(onProgress);
  const addresses = {
    mjs: new URL(mjs, location.href).href,
    wasm: new URL(wasm, location.href).href,
  };
  const [model, adapter, binary] = await Promise.all([
    openCurrentModel(loader, dtype),
    device === 'webgpu' ? findAdapter() : null,
    loadRuntime(loader, addresses.wasm, RUNTIME_BYTES),
  ]);
  if (device === 'webgpu' && adapter === null)
    throw new DeviceError('This browser offers no WebGPU adapter', {
      code: 'no_adapter',
      retryable: true,
    });
  const threadCount = threadsOf(threads);
  setUpBrowserRuntime({
    addresses,
    wasm: binary,
    threads: threadCount,
    fileAt: (address) => loader.fileAt(address),
  });

  const softwareAdapter = adapter?.software ?? false;
  const loading = createEmbedder({
    model,
    location: modelAddress(model.filesRevision),
    device,
    dtype,
    threads: 0,
    softwareAdapter,
    // A software adapter gains nothing from large batches, and their padding costs it time.
    budget: device === 'webgpu' && !softwareAdapter ? gpuBudget : cpuBudget,
    adapter:
      adapter?.name ?? `WebAssembly, ${threadCount} ${threadCount === 1 ? 'thread' : 'threads'}`,
  });
  const usable = loading.catch(async (error: unknown): Promise<never> => {
    // The file may have been damaged in the cache: the next worker downloads it again.
    if (error instanceof ModelFileError) await forgetCachedModels();
    throw error;
  });
  const [loaded, golden] = await Promise.all([usable, readGolden(model)]);
  loader.forget();
  forgetRuntimeFile();
  const lost =
    device === 'webgpu' ? watchDevice(await sessionDevice()) : new Promise<never>(() => undefined);
  const bounds = model.manifest.dtypes[dtype] ?? { goldenMeanMin: 1, goldenMin: 1 };
  const { embedder, verdict } = await Promise.race([
    warmUp(loaded, golden, bounds, measureMs, onBatch),
    lost,
  ]);
  return { embedder, golden: verdict.message, lost };
}

/** Rejects with `DeviceError` when the GPU is lost or reports an error. */
async function watchDevice(device: GPUDevice | null): Promise<never> {
  if (device === null)
    throw new DeviceError('The runtime did not say which GPU it uses', {
      code: 'device_unknown',
      retryable: true,
    });
  const failed = Promise.withResolvers<never>();
  device.addEventListener('uncapturederror', ({ error }) => {
    const isMemory =
      typeof GPUOutOfMemoryError !== 'undefined' && error instanceof GPUOutOfMemoryError;
    const message = isMemory ? 'The GPU has no memory left' : `The GPU failed: ${error.message}`;
    failed.reject(
      new DeviceError(message, { code: isMemory ? 'gpu_memory' : 'gpu_error', retryable: true }),
    );
  });
  void device.lost.then(({ message }) =>
    failed.reject(
      new DeviceError(`The GPU was lost${message === '' ? '' : `: ${message}`}`, {
        code: 'device_lost',
        retryable: true,
      }),
    ),
  );
  return failed.promise;
}
