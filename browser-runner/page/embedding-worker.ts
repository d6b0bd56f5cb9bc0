// The dedicated worker of a page: one model session, proved before it answers; whatever fails in here ends it.

import mjs from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url';
import { VectorStreamError } from '#core/errors.ts';
import { ModelFileError, readGolden } from '#core/model-manifest.ts';
import type { Embedder } from '#core/ports.ts';
import { sessionDevice, setUpBrowserRuntime } from '#core/transformers/browser-runtime.ts';
import { cpuBudget, createEmbedder, gpuBudget } from '#core/transformers/embedder.ts';
import { warmUp } from '#core/transformers/warm-up.ts';
import { findAdapter } from './adapter.ts';
import { FileLoader, forgetCachedModels, loadRuntime, modelAddress, openCurrentModel } from './model-files.ts';
import type { FromWorker, OpenRequest, ToWorker } from './worker-messages.ts';

const threadsMax = 8;
let embedder: Embedder | null = null;
let calls = Promise.resolve();

addEventListener('message', ({ ports: [port] }) => {
  if (port === undefined) return;
  const tell = (message: FromWorker): void => port.postMessage(message);
  const fail = (error: unknown): void => {
    embedder = null;
    const known = error instanceof VectorStreamError;
    tell({ type: 'failed', code: known ? error.code : 'worker_failed', message: error instanceof Error ? error.message : String(error), retryable: !known || error.retryable });
  };
  addEventListener('unhandledrejection', ({ reason }) => fail(reason));
  port.addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
    calls = calls.then(() => handle(data, tell, fail)).catch(fail);
  });
  port.start();
}, { once: true });

async function handle(message: ToWorker, tell: (message: FromWorker) => void, fail: (error: unknown) => void): Promise<void> {
  switch (message.type) {
    case 'open': {
      const opened = await open(message.request, tell, fail);
      embedder = opened.embedder;
      return tell({ type: 'ready', info: embedder.info, golden: opened.golden });
    }
    case 'embed': {
      if (embedder === null) throw new Error('This worker has no session.');
      return tell({ type: 'embedded', call: message.call, outcomes: await embedder.embed(message.texts) });
    }
    case 'serve':
    case 'share':
    case 'drain':
      throw new Error(`${message.type} is not known here.`);
  }
}

async function open({ device, dtype, threads, measureMs }: OpenRequest, tell: (message: FromWorker) => void, fail: (error: unknown) => void): Promise<{ embedder: Embedder; golden: string }> {
  const loader = new FileLoader((progress) => tell({ type: 'progress', progress }));
  loader.expect(RUNTIME_BYTES);
  const addresses = { mjs: new URL(mjs, location.href).href, wasm: new URL(wasm, location.href).href };
  const [model, adapter, binary] = await Promise.all([openCurrentModel(loader, dtype), device === 'webgpu' ? findAdapter() : null, loadRuntime(loader, addresses.wasm)]);
  if (device === 'webgpu' && adapter === null) throw new VectorStreamErrorOfAdapter('This browser offers no WebGPU adapter.');
  setUpBrowserRuntime({ addresses, wasm: binary, threads: threadsOf(threads), fileAt: (address) => loader.fileAt(address) });
  const software = adapter?.software ?? false;
  const loaded = await createEmbedder({
    model, location: modelAddress(model.revision), device, dtype, threads: 0,
    // A processor in disguise gains nothing from large batches, and loses by their padding.
    budget: device === 'webgpu' && !software ? gpuBudget : cpuBudget,
    adapter: adapter?.name ?? `WebAssembly, ${threadsOf(threads)} threads`,
    softwareAdapter: software,
  }).catch(async (error: unknown) => {
    if (error instanceof ModelFileError) await forgetCachedModels();
    throw error;
  });
  const golden = await readGolden(model);
  loader.forget();
  if (device === 'webgpu') watchDevice(await sessionDevice(), fail);
  const proved = await warmUp(loaded, golden, model.manifest.dtypes[dtype] ?? { goldenMeanMin: 1, goldenMin: 1 }, measureMs);
  return { embedder: proved.embedder, golden: proved.verdict.message };
}

/** What a GPU does behind the back of whoever waits for its answer. */
function watchDevice(device: GPUDevice | null, fail: (error: unknown) => void): void {
  device?.addEventListener('uncapturederror', ({ error }) => fail(error));
  void device?.lost.then(({ message }) => fail(new Error(`The GPU was lost: ${message}`)));
}

function threadsOf(threads: number): number {
  if (!crossOriginIsolated) return 1;
  return threads > 0 ? threads : Math.min(threadsMax, navigator.hardwareConcurrency);
}

class VectorStreamErrorOfAdapter extends VectorStreamError {
  override readonly name = 'NoAdapterError';
  readonly code = 'no_adapter';
  readonly retryable = false;
}
