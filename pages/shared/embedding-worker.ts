// The dedicated worker of a page: one model session, proved before it answers; whatever fails in
// here ends it.

import { VectorStreamError } from '#core/errors/errors.ts';
import type { Embedder } from '#core/ports.ts';
import { RunnerRefusedError } from '#core/protocol/runner-connection.ts';
import { closeCode } from '#core/protocol/wire.ts';
import { openSession } from './open-session.ts';
import { serveGateway, type Serving } from './serve-gateway.ts';
import type { FromWorker, ToWorker } from './worker-messages.ts';

addEventListener(
  'message',
  ({ ports: [port] }) => {
    if (port !== undefined) new SessionWorker(port).listen();
  },
  { once: true },
);

class SessionWorker {
  readonly #port: MessagePort;
  readonly #drain = new AbortController();
  #embedder: Embedder | null = null;
  #serving: Serving | null = null;
  #failed = false;
  /** One call after another, in the order in which they came. */
  #calls = Promise.resolve();

  constructor(port: MessagePort) {
    this.#port = port;
  }

  listen(): void {
    const fail = (error: unknown): void => this.#fail(error);
    addEventListener('unhandledrejection', ({ reason }) => fail(reason));
    // The page hears of it by itself, and ends this worker; until then nothing more leaves it.
    addEventListener('error', () => {
      this.#failed = true;
    });
    this.#port.addEventListener('messageerror', () =>
      fail(new Error('A message of the page cannot be read.')),
    );
    this.#port.addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
      if (data.type === 'drain') this.#drain.abort();
      else if (data.type === 'share') this.#serving?.setShare(data.share);
      else this.#calls = this.#calls.then(() => this.#handle(data)).catch(fail);
    });
    this.#port.start();
  }

  async #handle(message: Exclude<ToWorker, { type: 'drain' | 'share' }>): Promise<void> {
    if (this.#failed) return;
    if (message.type === 'open') {
      const { embedder, golden, lost } = await openSession(message.request, (progress) =>
        this.#tell({ type: 'progress', progress }),
      );
      lost.catch((error: unknown) => this.#fail(error));
      this.#embedder = this.#guarded(embedder);
      return this.#tell({ type: 'ready', info: embedder.info, golden });
    }
    const embedder = this.#embedder;
    if (embedder === null) throw new Error('This worker has no session.');
    if (message.type === 'embed') {
      const outcomes = await embedder.embed(message.texts);
      return this.#tell({ type: 'embedded', call: message.call, outcomes });
    }
    this.#serving = serveGateway(
      embedder,
      message.request,
      (event) => this.#tell({ type: 'serving', event }),
      this.#drain.signal,
    );
    await this.#serving.ended;
    this.#tell({ type: 'served' });
  }

  /** What was computed while the session, or anything else in here, failed is thrown away. */
  #guarded(embedder: Embedder): Embedder {
    return {
      info: embedder.info,
      embed: async (texts) => {
        const outcomes = await embedder.embed(texts);
        if (this.#failed) throw new Error('The worker failed while it embedded.');
        return outcomes;
      },
      [Symbol.asyncDispose]: () => embedder[Symbol.asyncDispose](),
    };
  }

  /** Nothing that the session answers after this is told. */
  #fail(error: unknown): void {
    if (this.#failed) return;
    const message = error instanceof Error ? error.message : String(error);
    const known = error instanceof VectorStreamError;
    if (error instanceof RunnerRefusedError) this.#tell({ type: 'failed', ...refusalOf(error) });
    else
      this.#tell({
        type: 'failed',
        code: known ? error.code : 'worker_failed',
        message,
        retryable: !known || error.retryable,
      });
    this.#failed = true;
  }

  #tell(message: FromWorker): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port has no origin
    if (!this.#failed) this.#port.postMessage(message);
  }
}

function refusalOf({ closeCode: closed, message }: RunnerRefusedError): {
  code: string;
  message: string;
  retryable: boolean;
} {
  if (closed === closeCode.tokenRevoked)
    return { code: 'token_refused', message, retryable: false };
  if (closed === closeCode.modelMismatch)
    return {
      code: 'model_changed',
      message: 'The gateway works with another model now',
      retryable: false,
    };
  return {
    code: 'quarantined',
    message: 'The gateway found the vectors of this tab wrong and takes no more of them',
    retryable: false,
  };
}
