// Measures which other candidates embed correctly and fast in this browser, each in a fresh worker,
// while the first right one already works.

import { VectorStreamError } from '#core/errors/errors.ts';
import type { Manifest } from '#core/model/model-manifest.ts';
import {
  choiceMsMax,
  isNeeded,
  ranked,
  type Candidate,
  type ProbeResult,
} from '#core/runner/device-candidates.ts';
import { isDownloadError } from '../embedding/download.ts';
import { startEmbedding } from '../embedding/embedding-client.ts';
import type { PageCandidate } from '../embedding/page-candidates.ts';
import { retryWhileUnavailable } from './retry-while-unavailable.ts';

/** The longest time between two signs of life: enough for a GPU to compile its shaders. */
const silentMsMax = 60_000;
const measureMs = 400;
/** A candidate that is disturbed more often keeps the figure of its last attempt. */
const attemptsMax = 3;

export type ProbeOptions = {
  readonly manifest: Pick<Manifest, 'dtypes'>;
  readonly speedupMin: number;
  readonly threads: number;
  readonly signal: AbortSignal;
  /** Resolves when a measurement disturbs no work, and no work disturbs it. */
  readonly quiet: () => Promise<void>;
  /** The number of jobs that this tab has begun: a measurement beside a job is repeated. */
  readonly jobsBegun: () => number;
  readonly onTrouble: (text: string) => void;
  readonly onResult: (result: ProbeResult) => void;
};

/**
 * The candidates that are right, best first, and for how many ms that choice may be kept. They are
 * measured one after the other, so that they do not slow each other down.
 *
 * @param known the results of the candidates that were tried before; one of them is right
 */
export async function probeOthers(
  rounds: readonly (readonly PageCandidate[])[],
  known: readonly ProbeResult[],
  options: ProbeOptions,
): Promise<{ readonly candidates: readonly PageCandidate[]; readonly msMax: number }> {
  const results: ProbeResult[] = [...known];
  for (const round of rounds) {
    const earlier = results.filter(({ candidate }) => !round.some((one) => isSame(one, candidate)));
    const left = round.filter((one) => !results.some(({ candidate }) => isSame(one, candidate)));
    if (!isNeeded(round, earlier)) continue;
    for (const candidate of left) {
      const result = await probeUndisturbed(candidate, options);
      results.push(result);
      options.onResult(result);
    }
  }
  const candidates = ranked(results, options.manifest, options.speedupMin).flatMap(
    ({ candidate }) => rounds.flat().find((one) => isSame(one, candidate)) ?? [],
  );
  return { candidates, msMax: choiceMsMax(results) };
}

const isSame = (a: Candidate, b: Candidate): boolean =>
  a.device === b.device && a.dtype === b.dtype;

async function probeUndisturbed(
  candidate: PageCandidate,
  options: ProbeOptions,
): Promise<ProbeResult> {
  for (let attempt = 1; ; attempt += 1) {
    await options.quiet();
    const before = options.jobsBegun();
    const result = await probe(candidate, options);
    options.signal.throwIfAborted();
    if (!result.ok || options.jobsBegun() === before || attempt === attemptsMax) return result;
  }
}

async function probe(
  candidate: PageCandidate,
  { threads, signal, onTrouble }: ProbeOptions,
): Promise<ProbeResult> {
  try {
    const request = {
      ...candidate,
      threads,
      measureMs,
      onProgress: () => undefined,
      silentMsMax,
    };
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
    return failedProbe(candidate, error);
  }
}

export const failedProbe = (candidate: PageCandidate, error: unknown): ProbeResult => ({
  ok: false,
  candidate,
  code: error instanceof VectorStreamError ? error.code : 'failed',
  message: error instanceof Error ? error.message : String(error),
});
