// Chooses how a tab embeds: by the cached choice of an earlier visit, else by measuring every
// candidate.

import type { Manifest } from '#core/model/model-manifest.ts';
import type { ProbeResult } from '#core/runner/device-candidates.ts';
import type { Measured, RunnerOptions } from '#core/runner/page-status.ts';
import type { PageCandidate } from '../embedding/page-candidates.ts';
import { formatDevice, withoutStop } from '../format.ts';
import { cacheChoice, readCachedChoice } from './cached-choice.ts';
import { probeCandidates } from './probe-candidates.ts';
import type { StatusBoard } from './status-board.ts';

export type ChoiceOptions = {
  readonly rounds: readonly (readonly PageCandidate[])[];
  /** What the person asked for. */
  readonly wanted: Pick<RunnerOptions, 'device' | 'dtype' | 'speedupMin'>;
  readonly threads: number;
  readonly manifest: Pick<Manifest, 'dtypes'>;
  readonly modelRevision: string;
  /** The name of the GPU; `null` without one. */
  readonly adapterName: string | null;
  readonly board: StatusBoard;
  readonly signal: AbortSignal;
};

/**
 * Best first, at least one. Rejects with the signal's reason. @throws NoCandidateError when none
 * embeds correctly
 */
export async function choosePageCandidates(
  options: ChoiceOptions,
): Promise<readonly PageCandidate[]> {
  const { rounds, wanted, threads, manifest, modelRevision, adapterName } = options;
  const { board, signal } = options;
  const [only, ...others] = rounds.flat();
  if (only !== undefined && others.length === 0) return [only];

  const place = `${modelRevision} · ${adapterName ?? 'no GPU'}`;
  const asked = [wanted.device, wanted.dtype, wanted.speedupMin];
  const key = [place, navigator.userAgent, threads, ...asked].join(' · ');
  const cached = readCachedChoice(key, rounds.flat());
  if (cached?.[0] !== undefined) {
    const { device, dtype } = cached[0];
    board.say(
      `${formatDevice(device, dtype)} was the best here when this browser was last measured.`,
    );
    return cached;
  }

  board.change({ measured: [] });
  const { candidates, msMax } = await probeCandidates(rounds, {
    manifest,
    speedupMin: wanted.speedupMin,
    threads,
    signal,
    onStart: ({ device, dtype }) => board.state('measuring', { device, dtype }),
    onProgress: (progress) => board.change({ progress }),
    onTrouble: (text) => board.trouble(text),
    onResult: (result) => {
      board.change({ measured: [...board.status.measured, measuredOf(result)], progress: null });
      board.say(sentenceOn(result));
    },
  });
  cacheChoice(key, candidates, msMax);
  return candidates;
}

function measuredOf(result: ProbeResult): Measured {
  const { device, dtype } = result.candidate;
  if (!result.ok) return { device, dtype, ok: false, reason: result.message };
  const { textsPerSecond, golden } = result;
  return { device, dtype, ok: true, textsPerSecond, golden };
}

function sentenceOn(result: ProbeResult): string {
  const name = formatDevice(result.candidate.device, result.candidate.dtype);
  return result.ok
    ? `${name} is right: ${Math.round(result.textsPerSecond)} texts a second.`
    : `${name} is ruled out: ${withoutStop(result.message)}.`;
}
