// Lists what the gateway's model offers this browser: the pairs of device and dtype that are worth
// trying.

import { filesOf, openModel, type Manifest } from '#core/model/model-manifest.ts';
import { candidateRounds, type Candidate } from '#core/runner/device-preferences.ts';
import { NoCandidateError } from '#core/runner/supervisor.ts';
import type { EmbeddingRequest } from './embedding-client.ts';
import { FileLoader } from './file-loader.ts';
import type { Adapter } from './gpu-adapter.ts';
import { currentModel, modelAddress } from './model-files.ts';

export type PageCandidate = Candidate & Pick<EmbeddingRequest, 'device'>;

/**
 * The manifest of the gateway's model, with only those dtypes whose files the gateway has.
 *
 * @throws DownloadError, ModelFileError
 */
export async function openOffer(): Promise<{
  readonly manifest: Manifest;
  readonly revision: string;
}> {
  const { revision, files } = await currentModel();
  const loader = new FileLoader(() => undefined);
  const { manifest } = await openModel((path) => loader.load(`${modelAddress(revision)}/${path}`));
  const available = new Set(files.map(({ path }) => path));
  const dtypes = Object.fromEntries(
    Object.entries(manifest.dtypes).filter(([dtype]) =>
      filesOf(manifest, dtype).every((path) => available.has(path)),
    ),
  );
  return { revision, manifest: { ...manifest, dtypes } };
}

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
    devices: hasGpu ? ['webgpu', 'wasm'] : ['wasm'],
    dtypeSetting: 'dtype',
  });
  const possible = rounds.map((round) =>
    round.filter(
      (candidate): candidate is PageCandidate =>
        (candidate.device === 'webgpu' || candidate.device === 'wasm') &&
        (candidate.device !== 'webgpu' || candidate.dtype !== 'fp16' || adapter?.fp16 === true),
    ),
  );
  if (possible.flat().length === 0)
    throw new NoCandidateError(
      `The gateway has no files of ${manifest.modelId} that this browser can run.`,
    );
  return possible;
}
