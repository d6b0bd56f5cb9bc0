// Measures which candidates embed correctly and fast in this browser, each in a fresh worker.

import { VectorStreamError } from '#core/errors/errors.ts';
import type { Manifest } from '#core/model/model-manifest.ts';
import { choiceMsMax, isNeeded, ranked, type ProbeResult } from '#core/runner/device-candidates.ts';
import { NoCandidateError } from '#core/runner/supervisor.ts';
import { isDownloadError } from '../embedding/download.ts';
import { startEmbedding } from '../embedding/embedding-client.ts';
import type { PageCandidate } from '../embedding/page-candidates.ts';
import type { LoadProgress } from '../embedding/worker-messages.ts';
import { retryWhileUnavailable } from './retry-while-unavailable.ts';

/** The longest time between two signs of life: enough for a GPU to compile its shaders. */
const silentMsMax = 60_000;
const measureMs = 400;

export type ProbeOptions = {
  readonly manifest: Pick<Manifest, 'dtypes'>;
  readonly speedupMin: number;
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly onStart: (candidate: PageCandidate) => void;
  readonly onProgress: (progress: LoadProgress) => void;
  /** The model cannot be downloaded at present; no candidate is blamed for that. */
  readonly onTrouble: (text: string) => void;
  readonly onResult: (result: ProbeResult) => void;
};

/**
 * The candidates that are right, best first, and for how many ms that choice may be kept. They are
 * measured one after the other, so that they do not slow each other down.
 *
 * @throws NoCandidateError when all failed, with the reason of each
 */
export async function probeCandidates(
  rounds: readonly (readonly PageCandidate[])[],
  options: ProbeOptions,
): Promise<{ readonly candidates: readonly PageCandidate[]; readonly msMax: number }> {
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
  const candidates = ranked(results, options.manifest, options.speedupMin).flatMap(
    ({ candidate: { device, dtype } }) =>
      rounds.flat().find((candidate) => candidate.device === device && candidate.dtype === dtype) ??
      [],
  );
  if (candidates.length > 0) return { candidates, msMax: choiceMsMax(results) };
  const reasons = results.map((result) =>
    result.ok ? '' : `${result.candidate.dtype} on ${result.candidate.device}: ${result.message}.`,
  );
  throw new NoCandidateError(`Nothing embeds correctly in this browser. ${reasons.join(' ')}`);
}

async function probe(
  candidate: PageCandidate,
  { threads, signal, onProgress, onTrouble }: ProbeOptions,
): Promise<ProbeResult> {
  try {
    const request = { ...candidate, threads, measureMs, onProgress, silentMsMax };
    const embedding = await retryWhileUnavailable(() => startEmbedding(request, signal), {
      signal,
      isUnavailable: isDownloadError,
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
