// Lists the pairs of device and dtype that are worth trying in this browser: WebGPU on a real GPU,
// and WebAssembly.

import type { Manifest } from '#core/model/model-manifest.ts';
import { candidateRounds, devicesOf, type Candidate } from '#core/runner/device-candidates.ts';
import { NoCandidateError } from '#core/runner/supervisor.ts';
import type { EmbeddingRequest } from './embedding-client.ts';
import type { Adapter } from './gpu-adapter.ts';

export type PageCandidate = Candidate & Pick<EmbeddingRequest, 'device'>;

/**
 * What to try, in rounds. A software adapter runs WebGPU on the processor, where WASM is always
 * faster; so it is tried only when `webgpu` is forced.
 *
 * @throws UsageError when a forced dtype is not offered, NoCandidateError when nothing is.
 */
export function pageRounds(
  manifest: Manifest,
  request: { readonly device: 'auto' | 'webgpu' | 'wasm'; readonly dtype: string },
  adapter: Adapter | null,
): readonly (readonly PageCandidate[])[] {
  const hasGpu = adapter !== null && !adapter.software;
  if (request.device === 'webgpu' && adapter === null)
    throw new NoCandidateError(
      'WebGPU was asked for, and this browser has none: ' +
        'leave the choice of device to the page, or use a browser with WebGPU.',
    );
  const rounds = candidateRounds(manifest, request, {
    devices: devicesOf('page', hasGpu),
    dtypeSetting: 'dtype',
  });
  const possible = rounds.map((round) =>
    round.filter(
      (candidate): candidate is PageCandidate =>
        (candidate.device === 'webgpu' || candidate.device === 'wasm') &&
        (candidate.device !== 'webgpu' || candidate.dtype !== 'fp16' || adapter?.fp16 === true),
    ),
  );
  if (possible.flat().length === 0 && request.device === 'webgpu' && request.dtype === 'fp16')
    throw new NoCandidateError(
      'fp16 was asked for, and this GPU has no 16-bit arithmetic (shader-f16): ' +
        'ask for fp32, or leave the choice of dtype to the page.',
    );
  if (possible.flat().length === 0)
    throw new NoCandidateError(
      `The gateway has no files of ${manifest.modelId} that this browser can run.`,
    );
  return possible;
}
