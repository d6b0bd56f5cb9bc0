// Lends this page to its gateway: chooses how to embed, keeps a proved worker joined, replaces one
// that failed, and says what happens.

import { VectorStreamError } from '#core/errors/errors.ts';
import type { RunnerHandle, RunnerOptions, RunnerPageStatus } from '#core/runner/page-status.ts';
import { NoCandidateError, supervise, type Worker } from '#core/runner/supervisor.ts';
import { systemClock } from '#core/time/clock.ts';
import { forgetChoice, recallChoice, rememberChoice } from './cached-choice.ts';
import { deviceWords, withoutStop } from './format.ts';
import { findAdapter, type Adapter } from './gpu-adapter.ts';
import { measure, openOffer, pageRounds, type PageCandidate } from './probe-candidates.ts';
import { isRetryable, patiently } from './retry-while-unavailable.ts';
import { StatusBoard } from './status-board.ts';
import { forgetToken } from './stored-token.ts';
import { RunnerSession, type SessionNews } from './tab-session.ts';
import { tokenProblem } from './token-check.ts';
import { threadsOf } from './wasm-threads.ts';

const drainMsMax = 10_000;
const memoryEveryMs = 30_000;

/** Begins at once. Never rejects: the status says what happened, and ends as `stopped` or `failed`. */
export function startRunner(options: RunnerOptions): RunnerHandle {
  const runner = new PageRunner(options);
  // Not before the caller has the handle: its `onStatus` may want it.
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

class PageRunner {
  readonly #options: RunnerOptions;
  readonly #board: StatusBoard;
  readonly #stop = new AbortController();
  #session: RunnerSession | null = null;
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
    this.#watchTab(ended.signal);
    void this.#watchMemory(ended.signal);
    try {
      await this.#lend();
      this.#board.state('stopped', { progress: null, runnerId: null });
      this.#board.say('Left the fleet. Thank you!');
    } catch (error) {
      if (this.#stop.signal.aborted)
        return this.#board.state('stopped', { progress: null, runnerId: null });
      this.#board.state('failed', { progress: null, runnerId: null });
      // What was right once is not any more.
      if (error instanceof NoCandidateError) forgetChoice();
      this.#board.trouble(error instanceof Error ? error.message : String(error));
      // What is not known is a bug, and needs its place in the source.
      if (!(error instanceof VectorStreamError)) console.error(error);
    } finally {
      ended.abort();
    }
  }

  /** Resolves when drained or stopped. */
  async #lend(): Promise<void> {
    const board = this.#board;
    board.state('starting');
    if (!isSecureContext)
      throw new PageError(
        'This page came over plain HTTP from another machine, and browsers give such a page no WebGPU, no threads and no checked files: open it by https://.',
      );
    for (;;) {
      await this.#askGateway();
      const [adapter, { manifest, revision }] = await Promise.all([
        findAdapter(),
        this.#patiently(openOffer),
      ]);
      const threads = threadsOf(this.#options.threads);
      board.change({
        modelId: manifest.modelId,
        modelRevision: revision,
        adapter: adapter?.name ?? null,
        softwareAdapter: adapter?.software ?? false,
        threads,
      });
      board.say(adapterWords(adapter, this.#options.device));
      const rounds = pageRounds(manifest, this.#options, adapter);
      const candidates =
        rounds.flat().length === 1
          ? rounds.flat()
          : await this.#choose(rounds, threads, `${revision} · ${adapter?.name ?? 'no GPU'}`);
      if ((await this.#serve(candidates, threads)) === 'ended') return;
      // The gateway was started with another model: begin anew with that one.
      board.state('starting');
    }
  }

  async #askGateway(): Promise<void> {
    await this.#patiently(async () => {
      const problem = await tokenProblem(this.#options.token, this.#stop.signal);
      if (problem === null) return;
      if (problem.kind === 'refused') forgetToken();
      throw new PageError(problem.message, problem.kind === 'unreachable');
    });
  }

  #patiently<T>(work: () => Promise<T>): Promise<T> {
    return patiently(work, {
      signal: this.#stop.signal,
      mayPass: isRetryable,
      onTrouble: (text) => this.#board.trouble(text),
    });
  }

  async #choose(
    rounds: readonly (readonly PageCandidate[])[],
    threads: number,
    place: string,
  ): Promise<readonly PageCandidate[]> {
    const board = this.#board;
    const { device: wanted, dtype: wantedDtype } = this.#options;
    const key = [place, navigator.userAgent, threads, wanted, wantedDtype].join(' · ');
    const remembered = recallChoice(key, rounds.flat());
    if (remembered?.[0] !== undefined) {
      board.say(
        `${deviceWords(remembered[0].device, remembered[0].dtype)} was the fastest here when this browser was last measured.`,
      );
      return remembered;
    }
    board.change({ measured: [] });
    const candidates = await measure(rounds, {
      threads,
      signal: this.#stop.signal,
      onStart: ({ device, dtype }) => board.state('measuring', { device, dtype }),
      onProgress: (progress) => board.change({ progress }),
      onTrouble: (text) => board.trouble(text),
      onResult: (result) => {
        const { device, dtype } = result.candidate;
        const measured = result.ok
          ? {
              device,
              dtype,
              ok: true as const,
              textsPerSecond: result.textsPerSecond,
              golden: result.golden,
            }
          : { device, dtype, ok: false as const, reason: result.message };
        board.change({ measured: [...board.status.measured, measured], progress: null });
        board.say(
          result.ok
            ? `${deviceWords(device, dtype)} is right: ${Math.round(result.textsPerSecond)} texts a second.`
            : `${deviceWords(device, dtype)} is out: ${withoutStop(result.message)}.`,
        );
      },
    });
    rememberChoice(key, candidates);
    return candidates;
  }

  async #serve(
    candidates: readonly PageCandidate[],
    threads: number,
  ): Promise<'ended' | 'model-changed'> {
    const board = this.#board;
    const stop = new AbortController();
    const signal = AbortSignal.any([this.#stop.signal, stop.signal]);
    let again = false;
    let refusal: string | null = null;
    const onNews = (news: SessionNews): void => {
      if (news.kind === 'refused') {
        refusal = news.message;
        forgetToken();
      }
      if (news.kind === 'model-changed') again = true;
      if (news.kind === 'refused' || news.kind === 'model-changed') stop.abort();
    };
    const start = (candidate: PageCandidate): Worker => {
      this.#session = new RunnerSession({
        candidate,
        threads,
        token: this.#options.token,
        name: this.#options.name,
        share: () => this.#share,
        board,
        onNews,
      });
      return this.#session;
    };
    const replaced = (
      { reason, delay_ms: delayMs }: { reason?: unknown; delay_ms?: unknown },
      message: string,
    ): void => {
      board.state('restarting', {
        progress: null,
        runnerId: null,
        restarts: board.status.restarts + 1,
      });
      const next =
        typeof delayMs === 'number'
          ? `A fresh worker starts ${delayMs === 0 ? 'at once' : `in ${(delayMs / 1000).toFixed(1)} s`}`
          : message === 'giving up'
            ? 'Nothing else is left to try'
            : 'The next best way of embedding takes over';
      board.trouble(`${withoutStop(String(reason))}. ${next}.`);
    };
    await supervise({
      candidates,
      start,
      clock: systemClock,
      signal,
      drainMsMax,
      layoutFor: () => ({ processes: 1, threads }),
      log: { debug: () => undefined, info: () => undefined, warn: replaced, error: replaced },
    });
    if (refusal !== null) throw new PageError(refusal);
    return again && !this.#stop.signal.aborted ? 'model-changed' : 'ended';
  }

  #watchTab(signal: AbortSignal): void {
    document.addEventListener(
      'visibilitychange',
      () => {
        this.#board.say(
          document.hidden
            ? 'The tab is in the background: the browser may slow it down or put it to sleep. Keep it visible for full speed.'
            : 'The tab is visible again.',
        );
      },
      { signal },
    );
    addEventListener(
      'offline',
      () => this.#board.trouble('The network is gone. What this tab had in work goes elsewhere.'),
      { signal },
    );
    addEventListener('online', () => this.#board.say('The network is back.'), { signal });
  }

  async #watchMemory(signal: AbortSignal): Promise<void> {
    if (
      !crossOriginIsolated ||
      !('measureUserAgentSpecificMemory' in performance) ||
      typeof performance.measureUserAgentSpecificMemory !== 'function'
    )
      return;
    while (
      await systemClock.sleep(memoryEveryMs, signal).then(
        () => true,
        () => false,
      )
    ) {
      const measured: unknown = await performance
        .measureUserAgentSpecificMemory()
        .catch(() => null);
      if (
        typeof measured === 'object' &&
        measured !== null &&
        'bytes' in measured &&
        typeof measured.bytes === 'number'
      )
        this.#board.change({ memoryBytes: measured.bytes });
    }
  }
}

/** A trouble in words for the person in front of the page. */
class PageError extends VectorStreamError {
  override readonly name = 'PageError';
  readonly code = 'page';
  readonly retryable: boolean;
  constructor(message: string, retryable = false) {
    super(message);
    this.retryable = retryable;
  }
}

function adapterWords(adapter: Adapter | null, device: string): string {
  if (device === 'wasm') return 'WebAssembly is asked for: the processor embeds.';
  if (adapter === null)
    return 'This browser offers no WebGPU: the processor embeds, with WebAssembly.';
  if (!adapter.software)
    return `The browser offers a GPU: ${adapter.name}${adapter.fp16 ? ', with 16-bit arithmetic' : ''}.`;
  return `The browser's only GPU is a software adapter (${adapter.name}): ${device === 'webgpu' ? 'used because it was asked for, and slow' : 'the processor embeds by itself, with WebAssembly, which is faster'}.`;
}
