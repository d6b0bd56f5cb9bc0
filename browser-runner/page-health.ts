// Judges a runner page by its answers, one look after the other: whether it works, has left, was
// refused, has failed or is silent. Decides only; it neither waits nor calls the page.

import type { RunnerPageStatus, PageRunnerState } from '#core/runner/page-status.ts';

/** What a browser that was started with a GPU should reach. */
export type ExpectedGpu = {
  /** Nothing else will do. */
  readonly needed: boolean;
  /** How to give a browser a GPU. */
  readonly hint: string;
};

/**
 * `drained`: the page left the fleet, by order of its gateway or of the supervisor. `renew`: it
 * held too much memory. `refused`: it was not let in, which another token or address may change.
 * `failed`: another try does not help. `lost`: it crashed or hangs.
 */
export type WatchEnd = {
  readonly kind: 'drained' | 'renew' | 'refused' | 'failed' | 'lost';
  readonly message: string;
  /** The page had a model that proved its vectors. */
  readonly ready: boolean;
};

/** The page's status; `null` before its script runs; `undefined` when it did not answer. */
export type PageAnswer = RunnerPageStatus | null | undefined;

/** Time between two looks. */
export const lookEveryMs = 1_000;
/**
 * A look without an answer has waited 5 s for it. Seconds are counted by looks and not by the
 * clock, so that a machine that slept has missed only one look.
 */
const missedSeconds = 6;
const silentSecondsMax = 60;
/** Longer than any GPU takes to describe itself. */
const startingLooksMax = 30;
/** A page above its memory limit still works for this long after each load of the model. */
const workingLooksMin = 30;

const provedStates: ReadonlySet<PageRunnerState> = new Set(['connecting', 'working', 'restarting']);

export class PageHealth {
  readonly #gpu: ExpectedGpu | null;
  #isReady = false;
  #workingLooks = 0;
  #startingLooks = 0;
  #silentSeconds = 0;

  /** `gpu`: what the browser was started for; `null` without a GPU. */
  constructor(gpu: ExpectedGpu | null) {
    this.#gpu = gpu;
  }

  /** The page had a model that proved its vectors. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** The page has worked long enough to be replaced for its memory. */
  get mayBeRenewed(): boolean {
    return this.#workingLooks > workingLooksMin;
  }

  end(kind: WatchEnd['kind'], message: string): WatchEnd {
    return { kind, message, ready: this.#isReady };
  }

  /** The end that this status means; `null` while the page goes on. */
  judge(status: RunnerPageStatus): WatchEnd | null {
    const { state, lastError, modelId } = status;
    if (state === 'working') this.#workingLooks += 1;
    if (state === 'stopped') return this.end('drained', 'drained');
    // A page asks for the model only after its token was accepted.
    if (state === 'failed' && modelId === null)
      return this.end('refused', lastError ?? 'the page was refused');
    if (state === 'failed') return this.end('failed', lastError ?? 'the page failed');
    if (this.#gpu?.needed === true && status.softwareAdapter)
      return this.end(
        'failed',
        `The browser has no GPU, only ${status.adapter ?? 'a software adapter'}`,
      );
    // With a broken driver, a browser may never answer the page's request for an adapter.
    if (state === 'starting' && lastError === null) this.#startingLooks += 1;
    if (this.#gpu !== null && this.#startingLooks > startingLooksMax)
      return this.end('failed', "The browser's GPU does not answer");
    if (provedStates.has(state)) this.#isReady = true;
    return null;
  }

  /** The end by silence, once the page has had no status for too long; `null` until then. */
  judgeSilence(answer: PageAnswer): WatchEnd | null {
    // A page whose script does not run answers at once, without a status.
    this.#silentSeconds = answer
      ? 0
      : this.#silentSeconds + (answer === null ? lookEveryMs / 1000 : missedSeconds);
    return this.#silentSeconds >= silentSecondsMax
      ? this.end('lost', `the page showed no sign of life for ${silentSecondsMax} s`)
      : null;
  }
}
