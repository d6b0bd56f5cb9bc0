// One worker that embeds for the fleet, from its start to its end, as the supervisor of core sees a
// worker.

import { VectorStreamError } from '#core/errors/errors.ts';
import { defaultPace, Pace } from '#core/fleet/runner-pace.ts';
import { textsPerJobMax } from '#core/protocol/wire.ts';
import type { Worker, WorkerEnding } from '#core/runner/supervisor.ts';
import { startEmbedding, type Embedding } from './embedding-client.ts';
import { deviceWords, rateWords } from './format.ts';
import { isDownloadError } from './model-files.ts';
import type { PageCandidate } from './probe-candidates.ts';
import { patiently } from './retry-while-unavailable.ts';
import type { StatusBoard } from './status-board.ts';
import type { ServeEvent } from './worker-messages.ts';

/** What another worker would not change. */
export type SessionNews =
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'model-changed' };

export type RunnerSessionOptions = {
  readonly candidate: PageCandidate;
  readonly threads: number;
  readonly token: string;
  readonly name: string;
  readonly share: () => number;
  readonly board: StatusBoard;
  readonly onNews: (news: SessionNews) => void;
};

/** A software adapter takes minutes for its golden texts. */
const silentMsMax = 600_000;
/**
 * A GPU shows its speed only with hundreds of texts. A processor's is told by its first, and then
 * by its work.
 */
const measureMs = { webgpu: 300, wasm: 0 };

export class RunnerSession implements Worker {
  readonly ended: Promise<WorkerEnding>;
  readonly #options: RunnerSessionOptions;
  readonly #drain = new AbortController();
  readonly #kill = new AbortController();
  #embedding: Embedding | null = null;
  #hung: ReturnType<typeof setTimeout> | null = null;

  constructor(options: RunnerSessionOptions) {
    this.#options = options;
    this.ended = this.#run();
  }

  drain(): void {
    this.#drain.abort();
    // Not yet joined: there is nothing to finish.
    if (this.#embedding === null) this.kill();
  }

  kill(): void {
    this.#kill.abort();
    this.#embedding?.dispose();
  }

  setShare(share: number): void {
    this.#embedding?.setShare(share);
  }

  async #run(): Promise<WorkerEnding> {
    const { candidate, threads, board, token, name, share, onNews } = this.#options;
    let ready = false;
    try {
      board.state('loading', { device: candidate.device, dtype: candidate.dtype });
      const onProgress = (progress: { loadedBytes: number; totalBytes: number }): void =>
        board.change({ progress });
      const request = {
        ...candidate,
        threads,
        measureMs: measureMs[candidate.device],
        onProgress,
        silentMsMax,
      };
      const embedding = await patiently(() => startEmbedding(request, this.#kill.signal), {
        signal: AbortSignal.any([this.#kill.signal, this.#drain.signal]),
        mayPass: isDownloadError,
        onTrouble: (text) => board.trouble(text),
      });
      this.#embedding = embedding;
      ready = true;
      board.state('connecting', { progress: null, textsPerSecond: embedding.info.textsPerSecond });
      board.say(
        `${deviceWords(candidate.device, candidate.dtype)} is ready: its vectors are right, ${rateWords(embedding.info.textsPerSecond)} texts a second.`,
      );
      const url = location.origin.replace(/^http/, 'ws');
      await embedding.serve(
        { url, token, name, share: share() },
        (event) => this.#onEvent(event, embedding),
        this.#drain.signal,
      );
      return { done: true, renew: false, ready, message: 'drained', retryable: false };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const code = error instanceof VectorStreamError ? error.code : '';
      if (code === 'token_refused') onNews({ kind: 'refused', message });
      if (code === 'model_changed') onNews({ kind: 'model-changed' });
      return {
        done: false,
        renew: false,
        ready,
        message,
        retryable: !(error instanceof VectorStreamError) || error.retryable,
      };
    } finally {
      if (this.#hung !== null) clearTimeout(this.#hung);
      this.#embedding?.dispose();
    }
  }

  #onEvent(event: ServeEvent, { info, fail }: Embedding): void {
    const { board } = this.#options;
    if (this.#hung !== null) clearTimeout(this.#hung);
    this.#hung = null;
    switch (event.kind) {
      case 'joined':
        board.say('Joined the fleet: its first job is to prove its vectors to the gateway.');
        return board.state('working', { runnerId: event.runnerId });
      case 'working': {
        // By then the gateway has given the job to another.
        const msMax =
          new Pace(defaultPace, info.textsPerSecond, textsPerJobMax(info.dimensions)).deadlineMs(
            event.texts,
          ) + 10_000;
        this.#hung = setTimeout(
          () =>
            fail(
              `The worker hangs: ${event.texts} texts are not embedded after ${Math.round(msMax / 1000)} s`,
            ),
          msMax,
        );
        return undefined;
      }
      case 'job':
        return board.job(event.texts, event.ms);
      case 'lost':
        board.state('connecting', { runnerId: null });
        return board.trouble(
          `No connection to the gateway (${event.message}). What was in work goes elsewhere; connecting again.`,
        );
    }
  }
}
