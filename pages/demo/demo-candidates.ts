// Lists what is worth trying in this browser with the gateway's model: a real GPU if there is one,
// else WebAssembly.

import { findAdapter } from '../shared/embedding/gpu-adapter.ts';
import type { SessionChoice } from './workbench.ts';

/**
 * Best first, at least one. A GPU that the processor emulates is never preferred to WebAssembly.
 *
 * @throws DownloadError, NoCandidateError
 */
export const sessionChoices = (): Promise<readonly SessionChoice[]> => choicesFor('auto');

/** The choice to compare this device by. @throws DownloadError, NoCandidateError */
export async function choiceFor(device: 'webgpu' | 'wasm'): Promise<SessionChoice> {
  const [first] = await choicesFor(device);
  if (first === undefined) throw new Error('The model has no files for this device.');
  return first;
}

async function choicesFor(device: 'auto' | 'webgpu' | 'wasm'): Promise<readonly SessionChoice[]> {
  // Loaded late: it is more script than the rest of the page, and the first paint does not need it.
  const [{ openOffer }, { pageRounds }] = await Promise.all([
    import('../shared/embedding/model-offer.ts'),
    import('../shared/embedding/page-candidates.ts'),
  ]);
  const [adapter, { manifest }] = await Promise.all([findAdapter(), openOffer()]);
  return pageRounds(manifest, { device, dtype: 'auto' }, adapter)
    .flat()
    .map((candidate) => ({
      device: candidate.device,
      dtype: candidate.dtype,
      prefixes: manifest.prefixes,
    }));
}
