// Chooses how a tab embeds. An earlier visit's choice is used at once. Without one, the first right
// candidate joins the fleet, and the others are measured later, while there is nothing to embed.

import type { Manifest } from '#core/model/model-manifest.ts';
import type { ProbeResult } from '#core/runner/device-candidates.ts';
import type { Measured, RunnerOptions } from '#core/runner/page-status.ts';
import { NoCandidateError } from '#core/runner/supervisor.ts';
import type { PageCandidate } from '../embedding/page-candidates.ts';
import { formatDevice, withoutStop } from '../format.ts';
import { cacheChoice, readCachedChoice } from './cached-choice.ts';
import { probeOthers, type ProbeOptions } from './probe-others.ts';
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
};

export class TabChoice {
  readonly #options: ChoiceOptions;
  readonly #key: string;
  #candidates: readonly PageCandidate[];
  #isFinal: boolean;
  readonly #results: ProbeResult[] = [];

  constructor(options: ChoiceOptions) {
    const { rounds, wanted, threads, modelRevision, adapterName, board } = options;
    this.#options = options;
    const place = `${modelRevision} · ${adapterName ?? 'no GPU'}`;
    const asked = [wanted.device, wanted.dtype, wanted.speedupMin];
    this.#key = [place, navigator.userAgent, threads, ...asked].join(' · ');
    const all = rounds.flat();
    const cached = all.length === 1 ? null : readCachedChoice(this.#key, all);
    this.#candidates = cached ?? all;
    this.#isFinal = cached !== null || all.length === 1;
    board.change({ measured: [] });
    if (cached?.[0] !== undefined)
      board.say(
        `${formatDevice(cached[0].device, cached[0].dtype)} was the best here when this browser ` +
          'was last measured.',
      );
  }

  /** Best first, as far as is known; at least one. */
  get candidates(): readonly PageCandidate[] {
    return this.#candidates;
  }

  /** Whether other candidates are still to be compared with the first right one. */
  get isOpen(): boolean {
    return !this.#isFinal;
  }

  /** Notes how the start of a candidate went. */
  note(result: ProbeResult): void {
    const { board } = this.#options;
    const { device, dtype } = result.candidate;
    const isKnown = this.#results.some(
      ({ candidate }) => candidate.device === device && candidate.dtype === dtype,
    );
    if (this.#isFinal || isKnown) return;
    this.#results.push(result);
    board.change({ measured: [...board.status.measured, measuredOf(result)] });
    board.say(sentenceOn(result));
  }

  /**
   * Measures the others. Whether one of them is better than the first right one: then it is the
   * first of `candidates`. Rejects with the signal's reason.
   */
  async measureOthers(
    options: Pick<ProbeOptions, 'signal' | 'quiet' | 'jobsBegun'>,
  ): Promise<boolean> {
    const { rounds, manifest, wanted, threads, board } = this.#options;
    const current = this.#results.find(({ ok }) => ok)?.candidate;
    const { candidates, msMax } = await probeOthers(rounds, [...this.#results], {
      ...options,
      manifest,
      speedupMin: wanted.speedupMin,
      threads,
      onTrouble: (text) => board.trouble(text),
      onResult: (result) => this.note(result),
    });
    this.#candidates = candidates;
    this.#isFinal = true;
    cacheChoice(this.#key, candidates, msMax);
    const [best] = candidates;
    return best?.device !== current?.device || best?.dtype !== current?.dtype;
  }

  /** The error when no candidate is right, with the reason of each. */
  failure(error: NoCandidateError): NoCandidateError {
    const reasons = this.#results.map((result) =>
      result.ok
        ? ''
        : `${formatDevice(result.candidate.device, result.candidate.dtype)}: ` +
          `${withoutStop(result.message)}.`,
    );
    return this.#results.some(({ ok }) => ok) || reasons.length === 0
      ? error
      : new NoCandidateError(`Nothing embeds correctly in this browser. ${reasons.join(' ')}`);
  }
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
