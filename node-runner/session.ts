// Opens one proved session for this process: what a probe and a worker both begin with.

import { readGolden } from '#core/model-manifest.ts';
import type { Embedder } from '#core/ports.ts';
import { cpuBudget, createEmbedder, gpuBudget } from '#core/transformers/embedder.ts';
import { warmUp } from '#core/transformers/warm-up.ts';
import { describeMachine } from './machine.ts';
import { openModelFolder } from './model-folder.ts';
import type { SessionRequest } from './session-request.ts';

/** @throws ModelFileError, SessionError, WrongVectorsError */
export async function openSession(request: SessionRequest): Promise<{ embedder: Embedder; golden: string }> {
  const { model, folder } = await openModelFolder(request.model);
  const golden = await readGolden(model);
  const machine = describeMachine();
  const cpu = request.device === 'cpu';
  const loaded = await createEmbedder({
    model, location: folder.replaceAll('\\', '/'), device: request.device, dtype: request.dtype, threads: request.threads,
    budget: cpu ? cpuBudget : gpuBudget,
    adapter: cpu ? machine.cpu : `${request.device} (ONNX Runtime)`,
    softwareAdapter: !cpu && !machine.gpu,
  });
  // `createEmbedder` has checked that the model has this dtype.
  const bounds = model.manifest.dtypes[request.dtype] ?? { goldenMeanMin: 1, goldenMin: 1 };
  const { embedder, verdict } = await warmUp(loaded, golden, bounds, request.measureMs);
  return { embedder, golden: verdict.message };
}
