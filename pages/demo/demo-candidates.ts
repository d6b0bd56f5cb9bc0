// What is worth trying in this browser with the gateway's model: its GPU where it is one, else
// WebAssembly.

import { findAdapter } from '../shared/embedding/gpu-adapter.ts';
import type { SessionChoice } from './workbench.ts';

/**
 * Best first, at least one. A GPU that the processor emulates is never preferred to WebAssembly. @throws
 * DownloadError, NoCandidateError
 */
export const sessionChoices = (): Promise<readonly SessionChoice[]> => choices('auto');

/** The dtype to compare this device by. @throws DownloadError, NoCandidateError */
export async function choiceFor(device: 'webgpu' | 'wasm'): Promise<SessionChoice> {
  const [first] = await choices(device);
  if (first === undefined) throw new Error('The model has nothing for this device.');
  return first;
}

async function choices(device: 'auto' | 'webgpu' | 'wasm'): Promise<readonly SessionChoice[]> {
  // Reading a manifest takes more script than all of this page, and nothing is drawn by it.
  const { openOffer, pageRounds } = await import('../shared/embedding/model-offer.ts');
  const [adapter, { manifest }] = await Promise.all([findAdapter(), openOffer()]);
  return pageRounds(manifest, { device, dtype: 'auto' }, adapter)
    .flat()
    .map((candidate) => ({
      device: candidate.device,
      dtype: candidate.dtype,
      prefixes: manifest.prefixes,
    }));
}
