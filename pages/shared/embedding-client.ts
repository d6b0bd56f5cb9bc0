// Embeds in a dedicated worker of its own: starts it, hands texts over, and never uses one again
// that failed.
//
//     const embedding = await startEmbedding({ device: 'wasm', dtype: 'q8', threads: 0, measureMs: 300, onProgress: show });
//     const outcomes = await embedding.embed(['red lantern', 'blue chair']);   // one per text, in order
//     await embedding.dispose();
//
// The model, its files and the runtime come from this page's own gateway; a second visit finds them
// in Cache Storage. Before `startEmbedding` resolves, the files' hashes are checked, all golden
// texts came out right, and the speed is measured. Any failure of the worker (a lost GPU, memory, a
// crash) rejects what is in hand with `EmbeddingFailedError`, and every later call: start another.

import { VectorStreamError } from '#core/errors/errors.ts';
import type { EmbedderInfo, EmbedOutcome } from '#core/ports.ts';
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
   * A worker that says nothing for so long before it is ready, ms, is given up; 10 minutes when
   * absent.
   */
  readonly silentMsMax?: number;
};

export type Embedding = {
  /** With the measured speed, and the adapter's own description of itself. */
  readonly info: EmbedderInfo;
  /** The golden check in one line. */
  readonly golden: string;
  /** Calls may overlap; they are worked off in order. */
  embed(texts: readonly string[]): Promise<readonly EmbedOutcome[]>;
  /**
   * Joins the fleet with this session: resolves once drained, by `drain` or by the gateway. Once
   * per session; `embed` must not be called meanwhile. @throws EmbeddingFailedError
   */
  serve(
    request: ServeRequest,
    onEvent: (event: ServeEvent) => void,
    drain: AbortSignal,
  ): Promise<void>;
  /** Share of its time, 0 < share ≤ 1, that a session which serves may work: rest for the battery. */
  setShare(share: number): void;
  /** Rejects when the worker fails, whatever it was doing; never resolves. */
  readonly failed: Promise<never>;
  /** Ends the worker as failed, for a reason that only its user can see. */
  fail: (message: string) => void;
  /** Ends the worker at once. */
  dispose(): void;
};

/** The worker is gone. `retryable`: a fresh one with the same request may do. */
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

/** Rejects with `EmbeddingFailedError`, or with the signal's reason; the worker is gone then. */
export async function startEmbedding(
  { onProgress, silentMsMax = 600_000, device, dtype, threads, measureMs }: EmbeddingRequest,
  signal?: AbortSignal,
): Promise<Embedding> {
  signal?.throwIfAborted();
  const silent = new Deadline(silentMsMax, () =>
    session.fail(
      new EmbeddingFailedError(`The worker gave no sign of life for ${silentMsMax / 1000} s`, {
        code: 'worker_silent',
        retryable: true,
      }),
    ),
  );
  const session = new WorkerSession((progress) => {
    silent.renew();
    onProgress(progress);
  });
  const abort = (): void => session.fail(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    session.send({ type: 'open', request: { device, dtype, threads, measureMs } });
    return await Promise.race([session.opened, session.failed]);
  } finally {
    silent.end();
    signal?.removeEventListener('abort', abort);
  }
}

class Deadline {
  readonly #ms: number;
  readonly #passed: () => void;
  #timer: ReturnType<typeof setTimeout>;

  constructor(ms: number, passed: () => void) {
    this.#ms = ms;
    this.#passed = passed;
    this.#timer = setTimeout(passed, ms);
  }

  renew(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#passed, this.#ms);
  }

  end(): void {
    clearTimeout(this.#timer);
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
  readonly #waiting = new Map<number, PromiseWithResolvers<readonly EmbedOutcome[]>>();
  readonly #onProgress: EmbeddingRequest['onProgress'];
  #onEvent: (event: ServeEvent) => void = () => undefined;
  #served = Promise.withResolvers<void>();
  #calls = 0;
  #reason: unknown = null;

  constructor(onProgress: EmbeddingRequest['onProgress']) {
    this.#onProgress = onProgress;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    // Whoever looks at `failed` too late has looked at another promise of this session before.
    this.#failed.promise.catch(() => undefined);
    const crashed = (message: string): void =>
      this.fail(new EmbeddingFailedError(message, { code: 'worker_crashed', retryable: true }));
    this.#worker.addEventListener('error', (event) =>
      crashed(`The worker crashed: ${event.message || 'its script cannot be loaded'}.`),
    );
    this.#worker.addEventListener('messageerror', () =>
      crashed('The worker sent what cannot be read.'),
    );
    port1.addEventListener('messageerror', () => crashed('The worker sent what cannot be read.'));
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
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'progress':
        return this.#onProgress(message.progress);
      case 'ready':
        return this.#opened.resolve(this.#embedding(message.info, message.golden));
      case 'embedded':
        this.#waiting.get(message.call)?.resolve(message.outcomes);
        this.#waiting.delete(message.call);
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
        this.#waiting.set(call, answer);
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
          new EmbeddingFailedError('The session was disposed of.', {
            code: 'disposed',
            retryable: false,
          }),
        ),
    };
  }
}
