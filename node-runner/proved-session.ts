// Opens a model session and checks its vectors; a probe and a worker both begin with it.

import { readGolden } from '#core/model/model-manifest.ts';
import type { Embedder } from '#core/ports.ts';
import { cpuBudget, createEmbedder, gpuBudget } from '#core/transformers/embedder.ts';
import { warmUp } from '#core/transformers/warm-up.ts';
import { describeMachine } from './machine.ts';
import { openModelFolder } from './model-folder.ts';
import type { SessionRequest } from './session-request.ts';
import { adapterInUse } from './webgpu-adapter.ts';

/** @throws ModelFileError, SessionError, WrongVectorsError */
export async function openSession(
  request: SessionRequest,
): Promise<{ embedder: Embedder; golden: string }> {
  const { model, folder } = await openModelFolder(request.model);
  const golden = await readGolden(model);
  const machine = describeMachine();
  const cpu = request.device === 'cpu';
  const loaded = await createEmbedder({
    model,
    location: folder.replaceAll('\\', '/'),
    device: request.device,
    dtype: request.dtype,
    threads: request.threads,
    // A software GPU adapter gains nothing from large batches.
    budget: cpu || !machine.gpu ? cpuBudget : gpuBudget,
    adapter: machine.cpu,
    softwareAdapter: false,
  });
  const adapter =
    request.device === 'webgpu'
      ? adapterInUse(machine.gpu)
      : { name: cpu ? machine.cpu : `${request.device} (ONNX Runtime)`, software: false };
  const named: Embedder = {
    ...loaded,
    info: { ...loaded.info, adapter: adapter.name, softwareAdapter: adapter.software },
  };
  // `createEmbedder` has checked that the model has this dtype.
  const bounds = model.manifest.dtypes[request.dtype] ?? { goldenMeanMin: 1, goldenMin: 1 };
  const { embedder, verdict } = await warmUp(named, golden, bounds, request.measureMs);
  return { embedder, golden: verdict.message };
}
