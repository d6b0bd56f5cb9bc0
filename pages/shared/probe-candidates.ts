// Chooses device and dtype for this browser by measurement, each candidate in a fresh worker.

import { VectorStreamError } from '#core/errors/errors.ts';
import { filesOf, openModel, type Manifest } from '#core/model/model-manifest.ts';
import {
  candidateRounds,
  isNeeded,
  ranked,
  type Candidate,
  type ProbeResult,
} from '#core/runner/device-preferences.ts';
import { NoCandidateError } from '#core/runner/supervisor.ts';
import { startEmbedding, type EmbeddingRequest } from './embedding-client.ts';
import type { Adapter } from './gpu-adapter.ts';
import { currentModel, FileLoader, isDownloadError, modelAddress } from './model-files.ts';
import { patiently } from './retry-while-unavailable.ts';
import type { LoadProgress } from './worker-messages.ts';

export type PageCandidate = Candidate & Pick<EmbeddingRequest, 'device'>;

/**
 * What the gateway's model offers a page: of its dtypes those whose files the gateway has. @throws
 * DownloadError, ModelFileError
 */
export async function openOffer(): Promise<{
  readonly manifest: Manifest;
  readonly revision: string;
}> {
  const { revision, files } = await currentModel();
  const loader = new FileLoader(() => undefined);
  const { manifest } = await openModel((path) => loader.load(`${modelAddress(revision)}/${path}`));
  const here = new Set(files.map(({ path }) => path));
  const dtypes = Object.fromEntries(
    Object.entries(manifest.dtypes).filter(([dtype]) =>
      filesOf(manifest, dtype).every((path) => here.has(path)),
    ),
  );
  return { revision, manifest: { ...manifest, dtypes } };
}

/**
 * What is worth trying, in rounds. A software adapter is the processor by a detour: WASM is always
 * faster, so that it is tried only when forced.
 *
 * @throws UsageError when a forced dtype is not there, NoCandidateError when nothing is.
 */
export function pageRounds(
  manifest: Manifest,
  request: { readonly device: 'auto' | 'webgpu' | 'wasm'; readonly dtype: string },
  adapter: Adapter | null,
): readonly (readonly PageCandidate[])[] {
  const gpu = adapter !== null && !adapter.software;
  if (request.device === 'webgpu' && adapter === null)
    throw new NoCandidateError(
      'WebGPU is asked for, and this browser has none: leave the device to be chosen, or use a browser with WebGPU.',
    );
  const rounds = candidateRounds(manifest, request, {
    devices: gpu ? ['webgpu', 'wasm'] : ['wasm'],
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

/** How long a candidate may take between two signs of life: enough for a GPU to compile its shaders. */
const probeMsMax = 60_000;
const measureMs = 400;

/**
 * One after the other, so that they do not slow each other down. @throws NoCandidateError with what
 * each failed by.
 */
export async function measure(
  rounds: readonly (readonly PageCandidate[])[],
  options: {
    readonly threads: number;
    readonly signal: AbortSignal;
    readonly onStart: (candidate: PageCandidate) => void;
    readonly onProgress: (progress: LoadProgress) => void;
    /** The model cannot be downloaded now: that is no candidate's fault. */
    readonly onTrouble: (text: string) => void;
    readonly onResult: (result: ProbeResult) => void;
  },
): Promise<readonly PageCandidate[]> {
  const results: ProbeResult[] = [];
  for (const round of rounds) {
    if (!isNeeded(round, results)) continue;
    for (const candidate of round) {
      options.onStart(candidate);
      const result = await probe(candidate, options);
      options.signal.throwIfAborted();
      results.push(result);
      options.onResult(result);
    }
  }
  const best = ranked(results).flatMap(
    ({ candidate: { device, dtype } }) =>
      rounds.flat().find((candidate) => candidate.device === device && candidate.dtype === dtype) ??
      [],
  );
  if (best.length > 0) return best;
  throw new NoCandidateError(
    `Nothing embeds correctly in this browser. ${results.map((result) => (result.ok ? '' : `${result.candidate.dtype} on ${result.candidate.device}: ${result.message}.`)).join(' ')}`,
  );
}

async function probe(
  candidate: PageCandidate,
  { threads, signal, onProgress, onTrouble }: Parameters<typeof measure>[1],
): Promise<ProbeResult> {
  try {
    const request = { ...candidate, threads, measureMs, onProgress, silentMsMax: probeMsMax };
    const embedding = await patiently(() => startEmbedding(request, signal), {
      signal,
      mayPass: isDownloadError,
      onTrouble,
    });
    embedding.dispose();
    return {
      ok: true,
      candidate,
      textsPerSecond: embedding.info.textsPerSecond,
      golden: embedding.golden,
    };
  } catch (error) {
    return {
      ok: false,
      candidate,
      code: error instanceof VectorStreamError ? error.code : 'failed',
      message: error instanceof Error ? error.message : String(error),
    };
  }
}
