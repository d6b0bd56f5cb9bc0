// Runs one worker that embeds for the fleet, from its start to its end, in the form that the
// supervisor expects.

import { VectorStreamError } from '#core/errors/errors.ts';
import { defaultPace, Pace } from '#core/fleet/runner-pace.ts';
import { textsPerJobMax } from '#core/protocol/wire.ts';
import type { ProbeResult } from '#core/runner/device-candidates.ts';
import type { Worker, WorkerEnding } from '#core/runner/supervisor.ts';
import { isDownloadError } from '../embedding/download.ts';
import { startEmbedding, type Embedding } from '../embedding/embedding-client.ts';
import type { PageCandidate } from '../embedding/page-candidates.ts';
import { Timeout } from '../embedding/timeout.ts';
import type { ServeEvent } from '../embedding/worker-messages.ts';
import { formatDevice, formatRate } from '../format.ts';
import { gatewayAddress } from '../gateway-address.ts';
import { failedProbe } from './probe-others.ts';
import { retryWhileUnavailable } from './retry-while-unavailable.ts';
import type { StatusBoard } from './status-board.ts';

/** Why no fresh worker of the same kind follows. */
export type SessionEnd =
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'model-changed' }
  /** Another candidate was measured, and is better. */
  | { readonly kind: 'better-found' };

export type TabSessionOptions = {
  readonly candidate: PageCandidate;
  readonly threads: number;
  readonly token: string;
  readonly name: string;
  readonly share: () => number;
  readonly board: StatusBoard;
  readonly onEnd: (end: SessionEnd) => void;
  /** How the start went: right, or why not. A start that was stopped is not told. */
  readonly onStarted: (result: ProbeResult) => void;
};

/** A software adapter takes minutes for the golden texts. */
const silentMsMax = 600_000;
/**
 * A GPU shows its speed only on hundreds of texts. A processor shows it on the first ones, and its
 * work corrects the figure later.
 */
const measureMs = { webgpu: 300, wasm: 0 };
/** Added to a job's deadline: by then the gateway has given the job to another runner. */
const hangMarginMs = 10_000;

export class TabSession implements Worker {
  readonly ended: Promise<WorkerEnding>;
  readonly #options: TabSessionOptions;
  readonly #drain = new AbortController();
  readonly #kill = new AbortController();
  #embedding: Embedding | null = null;
  /** Runs while the worker embeds a job. */
  #jobTimeout: Timeout | null = null;
  #jobsBegun = 0;

  constructor(options: TabSessionOptions) {
    this.#options = options;
    this.ended = this.#run();
  }

  drain(): void {
    this.#drain.abort();
    // Before it has joined, there is nothing to finish.
    if (this.#embedding === null) this.kill();
  }

  kill(): void {
    this.#kill.abort();
    this.#embedding?.dispose();
  }

  get jobsBegun(): number {
    return this.#jobsBegun;
  }

  /** Joined, without a job in work. */
  get isWaiting(): boolean {
    return this.#options.board.status.runnerId !== null && this.#jobTimeout === null;
  }

  setShare(share: number): void {
    this.#embedding?.setShare(share);
  }

  async #run(): Promise<WorkerEnding> {
    const { candidate, onStarted } = this.#options;
    let ready = false;
    try {
      const embedding = await this.#start();
      this.#embedding = embedding;
      const { textsPerSecond } = embedding.info;
      onStarted({ ok: true, candidate, textsPerSecond, golden: embedding.golden });
      ready = true;
      await this.#serve(embedding);
      return { done: true, renew: false, ready, message: 'drained', retryable: false };
    } catch (error) {
      const isStopped = this.#kill.signal.aborted || this.#drain.signal.aborted;
      if (!ready && !isStopped) onStarted(failedProbe(candidate, error));
      const message = error instanceof Error ? error.message : String(error);
      const code = error instanceof VectorStreamError ? error.code : '';
      if (code === 'token_refused') this.#options.onEnd({ kind: 'refused', message });
      if (code === 'model_changed') this.#options.onEnd({ kind: 'model-changed' });
      return {
        done: false,
        renew: false,
        ready,
        message,
        retryable: !(error instanceof VectorStreamError) || error.retryable,
      };
    } finally {
      this.#stopJobTimeout();
      this.#embedding?.dispose();
    }
  }

  async #start(): Promise<Embedding> {
    const { candidate, threads, board } = this.#options;
    board.state('loading', { device: candidate.device, dtype: candidate.dtype });
    const request = {
      ...candidate,
      threads,
      measureMs: measureMs[candidate.device],
      onProgress: (progress: { loadedBytes: number; totalBytes: number }): void =>
        board.change({ progress }),
      silentMsMax,
    };
    return retryWhileUnavailable(() => startEmbedding(request, this.#kill.signal), {
      signal: AbortSignal.any([this.#kill.signal, this.#drain.signal]),
      isUnavailable: isDownloadError,
      onTrouble: (text) => board.trouble(text),
    });
  }

  async #serve(embedding: Embedding): Promise<void> {
    const { candidate, board, token, name, share } = this.#options;
    const { textsPerSecond } = embedding.info;
    board.state('connecting', { progress: null, textsPerSecond });
    board.say(
      `${formatDevice(candidate.device, candidate.dtype)} is ready: its vectors are right, ` +
        `${formatRate(textsPerSecond)} texts a second.`,
    );
    const url = `${gatewayAddress().replace(/^http/, 'ws')}/runners/connect`;
    await embedding.serve(
      { url, token, name, share: share() },
      (event) => this.#onEvent(event, embedding),
      this.#drain.signal,
    );
  }

  #onEvent(event: ServeEvent, embedding: Embedding): void {
    const { board } = this.#options;
    this.#stopJobTimeout();
    switch (event.kind) {
      case 'joined':
        board.say('Joined the fleet: its first job is to prove its vectors to the gateway.');
        return board.state('working', { runnerId: event.runnerId });
      case 'working':
        this.#jobsBegun += 1;
        return this.#startJobTimeout(event.texts, embedding);
      case 'job':
        return board.job(event.texts, event.ms);
      case 'lost':
        board.state('connecting', { runnerId: null });
        return board.trouble(
          `No connection to the gateway (${event.message}). ` +
            'Its unfinished texts go to another runner; connecting again.',
        );
    }
  }

  #startJobTimeout(texts: number, { info, fail }: Embedding): void {
    const pace = new Pace(defaultPace, info.textsPerSecond, textsPerJobMax(info.dimensions));
    const ms = pace.deadlineMs(texts) + hangMarginMs;
    this.#jobTimeout = new Timeout(ms, () =>
      fail(`The worker hangs: ${texts} texts are not embedded after ${Math.round(ms / 1000)} s`),
    );
  }

  #stopJobTimeout(): void {
    this.#jobTimeout?.[Symbol.dispose]();
    this.#jobTimeout = null;
  }
}
