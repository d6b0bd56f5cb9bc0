// Embeds texts in a dedicated worker: starts it, sends it texts, and never uses a worker again that
// has failed.
//
//     const embedding = await startEmbedding({
//       device: 'wasm',
//       dtype: 'q8',
//       threads: 0,
//       measureMs: 300,
//       onProgress: show,
//     });
//     // One outcome per text, in order.
//     const outcomes = await embedding.embed(['red lantern', 'blue chair']);
//     embedding.dispose();
//
// The model, its files and the runtime come from the gateway of this page; a second visit finds
// them in Cache Storage. When `startEmbedding` resolves, the files' hashes have been checked, all
// golden texts have come out right, and the speed has been measured if it was asked for. When the
// worker fails (a lost GPU, no memory, a crash), every pending and every later call rejects with
// `EmbeddingFailedError`: start another one.

import { VectorStreamError } from '#core/errors/errors.ts';
import type { EmbedderInfo, EmbedOutcome } from '#core/ports.ts';
import { Timeout } from './timeout.ts';
import type {
  FromWorker,
  LoadProgress,
  OpenRequest,
  ServeEvent,
  ServeRequest,
  ToWorker,
} from './worker-messages.ts';

export type EmbeddingRequest = OpenRequest & {
  readonly onProgress: (progress: LoadProgress) => void;
  /**
   * How long the worker may be silent before it is ready, in ms; then it is terminated. 10 minutes
   * when absent.
   */
  readonly silentMsMax?: number;
};

export type Embedding = {
  /** Includes the measured speed, and how the adapter describes itself. */
  readonly info: EmbedderInfo;
  /** The result of the golden check, in one line. */
  readonly golden: string;
  /** Calls may overlap; they are processed in order. */
  embed(texts: readonly string[]): Promise<readonly EmbedOutcome[]>;
  /**
   * Joins the fleet with this session, and resolves once drained, by `drain` or by the gateway. At
   * most once per session, and never together with `embed`. @throws EmbeddingFailedError
   */
  serve(
    request: ServeRequest,
    onEvent: (event: ServeEvent) => void,
    drain: AbortSignal,
  ): Promise<void>;
  /** Limits a serving session to a share of its time, 0 < share ≤ 1, to save the battery. */
  setShare(share: number): void;
  /** Rejects when the worker fails, whatever it was doing; never resolves. */
  readonly failed: Promise<never>;
  /** Ends the worker as failed, for a reason that only the caller can see. */
  fail: (message: string) => void;
  /** Ends the worker at once. */
  dispose(): void;
};

/** The worker has ended. `retryable`: a fresh one with the same request may succeed. */
export class EmbeddingFailedError extends VectorStreamError {
  override readonly name = 'EmbeddingFailedError';
  readonly code: string;
  readonly retryable: boolean;
  constructor(
    message: string,
    { code, retryable }: { readonly code: string; readonly retryable: boolean },
  ) {
    super(message);
    this.code = code;
    this.retryable = retryable;
  }
}

/**
 * Rejects with `EmbeddingFailedError`, or with the signal's reason. The worker has ended in both
 * cases.
 */
export async function startEmbedding(
  { onProgress, silentMsMax = 600_000, device, dtype, threads, measureMs }: EmbeddingRequest,
  signal?: AbortSignal,
): Promise<Embedding> {
  signal?.throwIfAborted();
  using silence = new Timeout(silentMsMax, () =>
    session.fail(
      new EmbeddingFailedError(`The worker gave no sign of life for ${silentMsMax / 1000} s`, {
        code: 'worker_silent',
        retryable: true,
      }),
    ),
  );
  const session = new WorkerSession((progress) => {
    silence.restart();
    if (progress !== null) onProgress(progress);
  });
  const abort = (): void => session.fail(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    session.send({ type: 'open', request: { device, dtype, threads, measureMs } });
    return await Promise.race([session.opened, session.failed]);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

class WorkerSession {
  readonly #worker = new Worker(new URL('./embedding-worker.ts', import.meta.url), {
    type: 'module',
    name: 'vectorstream',
  });
  readonly #port: MessagePort;
  readonly #opened = Promise.withResolvers<Embedding>();
  readonly #failed = Promise.withResolvers<never>();
  readonly #pending = new Map<number, PromiseWithResolvers<readonly EmbedOutcome[]>>();
  /** `null`: a sign of life without a change. */
  readonly #onProgress: (progress: LoadProgress | null) => void;
  #onEvent: (event: ServeEvent) => void = () => undefined;
  #served = Promise.withResolvers<void>();
  #calls = 0;
  #reason: unknown = null;

  constructor(onProgress: (progress: LoadProgress | null) => void) {
    this.#onProgress = onProgress;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    // The failure also rejects the other promises of this session, so it is never lost.
    this.#failed.promise.catch(() => undefined);
    const crashed = (message: string): void =>
      this.fail(new EmbeddingFailedError(message, { code: 'worker_crashed', retryable: true }));
    const unreadable = (): void => crashed('The worker sent a message that cannot be read.');
    this.#worker.addEventListener('error', (event) =>
      crashed(`The worker crashed: ${event.message || 'its script cannot be loaded'}.`),
    );
    this.#worker.addEventListener('messageerror', unreadable);
    port1.addEventListener('messageerror', unreadable);
    port1.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => this.#receive(data));
    port1.start();
    this.#worker.postMessage(null, [port2]);
  }

  get opened(): Promise<Embedding> {
    return this.#opened.promise;
  }

  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  send(message: ToWorker): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port has no origin
    this.#port.postMessage(message);
  }

  fail(reason: unknown): void {
    this.#worker.terminate();
    this.#port.close();
    this.#reason = reason;
    this.#failed.reject(reason);
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'progress':
        return this.#onProgress(message.progress);
      case 'alive':
        return this.#onProgress(null);
      case 'ready':
        return this.#opened.resolve(this.#embedding(message.info, message.golden));
      case 'embedded':
        this.#pending.get(message.call)?.resolve(message.outcomes);
        this.#pending.delete(message.call);
        return undefined;
      case 'serving':
        return this.#onEvent(message.event);
      case 'served':
        return this.#served.resolve();
      case 'failed':
        return this.fail(new EmbeddingFailedError(message.message, message));
    }
  }

  #embedding(info: EmbedderInfo, golden: string): Embedding {
    const { failed } = this;
    return {
      info,
      golden,
      failed,
      embed: (texts) => {
        if (this.#reason !== null) return Promise.reject(this.#reason);
        const call = this.#calls++;
        const answer = Promise.withResolvers<readonly EmbedOutcome[]>();
        this.#pending.set(call, answer);
        this.send({ type: 'embed', call, texts });
        return answer.promise;
      },
      serve: async (request, onEvent, drain) => {
        this.#onEvent = onEvent;
        const onDrain = (): void => this.send({ type: 'drain' });
        drain.addEventListener('abort', onDrain, { once: true });
        this.send({ type: 'serve', request });
        if (drain.aborted) onDrain();
        try {
          await Promise.race([this.#served.promise, failed]);
        } finally {
          drain.removeEventListener('abort', onDrain);
        }
      },
      setShare: (share) => this.send({ type: 'share', share }),
      fail: (message) =>
        this.fail(new EmbeddingFailedError(message, { code: 'worker_hangs', retryable: true })),
      dispose: () =>
        this.fail(
          new EmbeddingFailedError('The session was disposed.', {
            code: 'disposed',
            retryable: false,
          }),
        ),
    };
  }
}
