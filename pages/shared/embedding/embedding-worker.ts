// Runs one model session in a dedicated worker of a page: the session proves its vectors before it
// answers, and any failure in here ends it.

import { VectorStreamError } from '#core/errors/errors.ts';
import type { Embedder } from '#core/ports.ts';
import { RunnerRefusedError } from '#core/protocol/runner-reconnect.ts';
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
  /** Runs calls one after the other, in order of arrival. */
  #calls = Promise.resolve();

  constructor(port: MessagePort) {
    this.#port = port;
  }

  listen(): void {
    const fail = (error: unknown): void => this.#fail(error);
    addEventListener('unhandledrejection', ({ reason }) => fail(reason));
    // The page sees this event too, and terminates the worker. Until then nothing more is sent.
    addEventListener('error', () => {
      this.#failed = true;
    });
    this.#port.addEventListener('messageerror', () =>
      fail(new Error('The page sent a message that cannot be read.')),
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
      const { embedder, golden, lost } = await openSession(
        message.request,
        (progress) => this.#send({ type: 'progress', progress }),
        () => this.#send({ type: 'alive' }),
      );
      lost.catch((error: unknown) => this.#fail(error));
      this.#embedder = this.#guarded(embedder);
      return this.#send({ type: 'ready', info: embedder.info, golden });
    }
    const embedder = this.#embedder;
    if (embedder === null) throw new Error('This worker has no session.');
    if (message.type === 'embed') {
      const outcomes = await embedder.embed(message.texts);
      return this.#send({ type: 'embedded', call: message.call, outcomes });
    }
    this.#serving = serveGateway(
      embedder,
      message.request,
      (event) => this.#send({ type: 'serving', event }),
      this.#drain.signal,
    );
    await this.#serving.ended;
    this.#send({ type: 'served' });
  }

  /** Discards vectors if anything in this worker failed while they were computed. */
  #guarded(embedder: Embedder): Embedder {
    return {
      info: embedder.info,
      embed: async (texts) => {
        const outcomes = await embedder.embed(texts);
        if (this.#failed) throw new Error('The worker failed while embedding.');
        return outcomes;
      },
      [Symbol.asyncDispose]: () => embedder[Symbol.asyncDispose](),
    };
  }

  /** Reports the failure to the page; nothing is sent after it. */
  #fail(error: unknown): void {
    if (this.#failed) return;
    const message = error instanceof Error ? error.message : String(error);
    const known = error instanceof VectorStreamError;
    if (error instanceof RunnerRefusedError) this.#send({ type: 'failed', ...refusalOf(error) });
    else
      this.#send({
        type: 'failed',
        code: known ? error.code : 'worker_failed',
        message,
        retryable: !known || error.retryable,
      });
    this.#failed = true;
  }

  #send(message: FromWorker): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port has no origin
    if (!this.#failed) this.#port.postMessage(message);
  }
}

function refusalOf({ closeCode: code, message }: RunnerRefusedError): {
  code: string;
  message: string;
  retryable: boolean;
} {
  if (code === closeCode.tokenRevoked) return { code: 'token_refused', message, retryable: false };
  if (code === closeCode.modelMismatch)
    return {
      code: 'model_changed',
      message: 'The gateway works with another model now',
      retryable: false,
    };
  return {
    code: 'quarantined',
    message: 'The gateway found wrong vectors from this tab and accepts no more of them',
    retryable: false,
  };
}
