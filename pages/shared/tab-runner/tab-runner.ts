// Lends this page to its gateway: chooses how to embed, keeps a proved worker in the fleet,
// replaces one that failed, and reports what happens.

import { VectorStreamError } from '#core/errors/errors.ts';
import type { RunnerHandle, RunnerOptions, RunnerPageStatus } from '#core/runner/page-status.ts';
import { NoCandidateError, supervise, type Worker } from '#core/runner/supervisor.ts';
import { systemClock } from '#core/time/clock.ts';
import { findAdapter, type Adapter } from '../embedding/gpu-adapter.ts';
import { openOffer } from '../embedding/model-offer.ts';
import { pageRounds, type PageCandidate } from '../embedding/page-candidates.ts';
import { threadsOf } from '../embedding/wasm-threads.ts';
import { formatDevice, withoutStop } from '../format.ts';
import { insecurePage } from '../insecure-page.ts';
import { runnerToken } from '../tab-secrets.ts';
import { tokenProblem } from '../token-check.ts';
import { forgetCachedChoice } from './cached-choice.ts';
import { isRetryable, retryWhileUnavailable } from './retry-while-unavailable.ts';
import { StatusBoard } from './status-board.ts';
import { TabChoice } from './tab-choice.ts';
import { TabSession, type SessionEnd } from './tab-session.ts';
import { watchTab } from './watch-tab.ts';

const drainMsMax = 10_000;
/** Without a job for so long, there is time to measure. */
const quietSeconds = 5;

/** Begins at once. Never rejects: the status reports all, and ends as `stopped` or `failed`. */
export function startRunner(options: RunnerOptions): RunnerHandle {
  const runner = new TabRunner(options);
  // Only after the caller has the handle, which its `onStatus` may use.
  const ended = Promise.resolve().then(() => runner.run());
  return {
    get status(): RunnerPageStatus {
      return runner.status;
    },
    stop() {
      runner.stop();
      return ended;
    },
    setShare: (share) => runner.setShare(share),
  };
}

class TabRunner {
  readonly #options: RunnerOptions;
  readonly #board: StatusBoard;
  readonly #stop = new AbortController();
  #session: TabSession | null = null;
  #share: number;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#share = options.share;
    this.#board = new StatusBoard(options.name, options.onStatus);
  }

  get status(): RunnerPageStatus {
    return this.#board.status;
  }

  stop(): void {
    this.#stop.abort();
  }

  setShare(share: number): void {
    this.#share = share;
    this.#session?.setShare(share);
  }

  async run(): Promise<void> {
    const ended = new AbortController();
    watchTab(this.#board, ended.signal);
    try {
      await this.#lend();
      this.#board.state('stopped', { progress: null, runnerId: null });
      this.#board.say('Left the fleet. Thank you!');
    } catch (error) {
      if (this.#stop.signal.aborted)
        return this.#board.state('stopped', { progress: null, runnerId: null });
      const tokenRefused = error instanceof PageError && error.isRefused;
      this.#board.state('failed', { progress: null, runnerId: null, tokenRefused });
      // The cached choice no longer works.
      if (error instanceof NoCandidateError) forgetCachedChoice();
      this.#board.trouble(error instanceof Error ? error.message : String(error));
      // An unknown error is a bug: its stack is needed.
      if (!(error instanceof VectorStreamError)) console.error(error);
    } finally {
      ended.abort();
    }
  }

  /** Resolves when drained or stopped. */
  async #lend(): Promise<void> {
    this.#board.state('starting');
    if (!isSecureContext) throw new PageError(insecurePage);
    while ((await this.#lendWithCurrentModel()) === 'model-changed') this.#board.state('starting');
  }

  async #lendWithCurrentModel(): Promise<'ended' | 'model-changed'> {
    const board = this.#board;
    await this.#checkToken();
    const [adapter, { manifest, revision }] = await Promise.all([
      this.#options.device === 'wasm' ? null : findAdapter(),
      this.#retry(openOffer),
    ]);
    const threads = threadsOf(this.#options.threads);
    board.change({
      modelId: manifest.modelId,
      modelRevision: revision,
      adapter: adapter?.name ?? null,
      softwareAdapter: adapter?.software ?? false,
      threads,
    });
    board.say(sentenceOn(adapter, this.#options.device));
    const choice = new TabChoice({
      rounds: pageRounds(manifest, this.#options, adapter),
      wanted: this.#options,
      threads,
      manifest,
      modelRevision: revision,
      adapterName: adapter?.name ?? null,
      board,
    });
    for (;;) {
      const end = await this.#serve(choice, threads);
      if (end !== 'better-found') return end;
    }
  }

  async #checkToken(): Promise<void> {
    await this.#retry(async () => {
      const problem = await tokenProblem(this.#options.token, this.#stop.signal);
      if (problem === null) return;
      const isRefused = problem.kind === 'refused';
      if (isRefused) runnerToken.forget();
      throw new PageError(problem.message, { isRefused, retryable: !isRefused });
    });
  }

  #retry<T>(work: () => Promise<T>): Promise<T> {
    return retryWhileUnavailable(work, {
      signal: this.#stop.signal,
      isUnavailable: isRetryable,
      onTrouble: (text) => this.#board.trouble(text),
    });
  }

  async #serve(
    choice: TabChoice,
    threads: number,
  ): Promise<'ended' | 'model-changed' | 'better-found'> {
    const stop = new AbortController();
    const ends: SessionEnd[] = [];
    const end = (reason: SessionEnd): void => {
      ends.push(reason);
      if (reason.kind === 'refused') runnerToken.forget();
      stop.abort();
    };
    const start = (candidate: PageCandidate): Worker => {
      this.#session = new TabSession({
        candidate,
        threads,
        token: this.#options.token,
        name: this.#options.name,
        share: () => this.#share,
        board: this.#board,
        onEnd: end,
        onStarted: (result) => choice.note(result),
      });
      return this.#session;
    };
    const onReplaced = (fields: object, message: string): void =>
      this.#reportReplacement(fields, message);
    const signal = AbortSignal.any([this.#stop.signal, stop.signal]);
    if (choice.isOpen) void this.#measureOthers(choice, signal, end);
    try {
      await supervise({
        candidates: choice.candidates,
        start,
        clock: systemClock,
        signal,
        drainMsMax,
        layoutFor: () => ({ processes: 1, threads }),
        log: { debug: () => undefined, info: () => undefined, warn: onReplaced, error: onReplaced },
      });
    } catch (error) {
      throw error instanceof NoCandidateError ? choice.failure(error) : error;
    } finally {
      stop.abort();
    }
    const refusal = ends.find(({ kind }) => kind === 'refused');
    if (refusal?.kind === 'refused') throw new PageError(refusal.message, { isRefused: true });
    if (this.#stop.signal.aborted) return 'ended';
    return ends[0]?.kind === 'model-changed' || ends[0]?.kind === 'better-found'
      ? ends[0].kind
      : 'ended';
  }

  /** Never rejects. */
  async #measureOthers(
    choice: TabChoice,
    signal: AbortSignal,
    end: (reason: SessionEnd) => void,
  ): Promise<void> {
    const quiet = async (): Promise<void> => {
      for (let seconds = 0; seconds < quietSeconds;) {
        await systemClock.sleep(1000, signal);
        seconds = this.#session?.isWaiting === true ? seconds + 1 : 0;
      }
    };
    try {
      await quiet();
      const jobsBegun = (): number => this.#session?.jobsBegun ?? 0;
      if (!(await choice.measureOthers({ signal, quiet, jobsBegun }))) return;
      const [best] = choice.candidates;
      if (best === undefined) return;
      this.#board.say(`${formatDevice(best.device, best.dtype)} is better here and takes over.`);
      end({ kind: 'better-found' });
    } catch (error) {
      if (!signal.aborted) this.#board.trouble(String(error));
    }
  }

  /** Turns the supervisor's log line on a worker that ended into a sentence for the person. */
  #reportReplacement(
    { reason, delay_ms: delayMs }: { reason?: unknown; delay_ms?: unknown },
    message: string,
  ): void {
    this.#board.state('restarting', {
      progress: null,
      runnerId: null,
      restarts: this.#board.status.restarts + 1,
    });
    const next =
      typeof delayMs === 'number'
        ? `A fresh worker starts ${delayWords(delayMs)}`
        : message === 'giving up'
          ? 'Nothing else is left to try'
          : 'The next best way of embedding takes over';
    this.#board.trouble(`${withoutStop(String(reason))}. ${next}.`);
  }
}

/** An error in words for the person in front of the page. */
class PageError extends VectorStreamError {
  override readonly name = 'PageError';
  readonly code = 'page';
  readonly retryable: boolean;
  /** The gateway does not accept the token. */
  readonly isRefused: boolean;
  constructor(message: string, { isRefused = false, retryable = false } = {}) {
    super(message);
    this.isRefused = isRefused;
    this.retryable = retryable;
  }
}

const delayWords = (ms: number): string =>
  ms === 0 ? 'at once' : `in ${(ms / 1000).toFixed(1)} s`;

function sentenceOn(adapter: Adapter | null, device: string): string {
  if (device === 'wasm') return 'WebAssembly was asked for: the processor embeds.';
  if (adapter === null)
    return 'This browser offers no WebGPU: the processor embeds, with WebAssembly.';
  if (!adapter.software)
    return (
      `The browser offers a GPU: ${adapter.name}` +
      `${adapter.fp16 ? ', with 16-bit arithmetic' : ''}.`
    );
  const consequence =
    device === 'webgpu'
      ? 'it is used because it was asked for, and it is slow'
      : 'the processor embeds with WebAssembly, which is faster';
  return `The browser's only GPU is a software adapter (${adapter.name}): ${consequence}.`;
}
