// Embeds the texts of API requests: after searches and before the stream, and only a few at once,
// so that neither of them waits long.

import { Semaphore } from '#core/collections/semaphore.ts';
import { assert } from '#core/errors/assert.ts';
import type { EmbeddingService } from '#core/ports.ts';
import { ProblemError } from '../http/problem-document.ts';

export type RequestEmbeddingsOptions = {
  /** The service without the model's prefixes: texts are embedded as the client sent them. */
  readonly embedding: EmbeddingService;
  /** Texts of all requests together that the fleet has at once. */
  readonly inFlightMax: number;
  /** Texts of all requests together that are accepted and not yet embedded. */
  readonly textsMax: number;
  /** How long all texts of one request may take. */
  readonly waitMsMax: number;
  /** The same, for a request that comes while no runner is ready. */
  readonly runnerWaitMsMax: number;
  readonly runnerReady: () => boolean;
};

/** A search waits a fraction of a second at most for `inFlightMax` texts. */
export const requestEmbeddingLimits = { inFlightMax: 32, textsMax: 8192 };

/**
 * `tokens`: of the whole text, before it is cut to the model's length; `null` when the runner does
 * not count them.
 */
export type EmbeddedText = { readonly vector: Float32Array; readonly tokens: number | null };

export class RequestEmbeddings {
  readonly #options: RequestEmbeddingsOptions;
  readonly #semaphore: Semaphore;
  #accepted = 0;

  constructor(options: RequestEmbeddingsOptions) {
    this.#options = options;
    this.#semaphore = new Semaphore(options.inFlightMax);
  }

  /**
   * Returns one result per text, in order. A text that occurs twice is embedded once.
   *
   * @throws ProblemError 429 when too many texts are accepted already, 503 when not all texts were
   *   embedded in time, 400 when no runner can embed one of them; the other texts are then given
   *   up
   */
  async embed(texts: readonly string[], signal: AbortSignal): Promise<readonly EmbeddedText[]> {
    const { inFlightMax, waitMsMax, runnerWaitMsMax, runnerReady } = this.#options;
    this.#refuseTooMany(texts.length);
    const msMax = runnerReady() ? waitMsMax : Math.min(waitMsMax, runnerWaitMsMax);
    const timeout = AbortSignal.timeout(msMax);
    const failed = new AbortController();
    const ended = AbortSignal.any([signal, timeout, failed.signal]);
    const done = new Map<string, EmbeddedText>();
    const left = new Set(texts);
    const work = async (): Promise<void> => {
      for (const text of left) {
        left.delete(text);
        done.set(text, await this.#embedOne(text, texts.indexOf(text), ended));
      }
    };
    this.#accepted += texts.length;
    try {
      await Promise.all(Array.from({ length: Math.min(inFlightMax, left.size) }, work));
    } catch (error) {
      failed.abort();
      if (error instanceof ProblemError || !(timeout.aborted || signal.aborted)) throw error;
      throw this.#tooLate(done.size, texts.length, msMax);
    } finally {
      this.#accepted -= texts.length;
    }
    return texts.map((text) => {
      const embedded = done.get(text);
      assert(embedded !== undefined, 'A text was not embedded and no error was thrown');
      return embedded;
    });
  }

  #refuseTooMany(count: number): void {
    const { textsMax } = this.#options;
    if (this.#accepted === 0 || this.#accepted + count <= textsMax) return;
    throw new ProblemError({
      status: 429,
      code: 'too_many_texts',
      detail: `More than ${textsMax} texts of requests are being embedded. Retry later.`,
      retryAfter: 2,
    });
  }

  #embedOne(text: string, index: number, signal: AbortSignal): Promise<EmbeddedText> {
    return this.#semaphore.run(async () => {
      const result = await this.#options.embedding.embed(text, { priority: 'request', signal });
      if (result.ok) return { vector: result.embedding.vector, tokens: result.tokens ?? null };
      throw new ProblemError({
        status: 400,
        code: result.code,
        detail: `input[${index}] could not be embedded: ${result.message}`,
        more: { param: `input[${index}]` },
      });
    }, signal);
  }

  #tooLate(done: number, count: number, ms: number): ProblemError {
    return this.#options.runnerReady()
      ? new ProblemError({
          status: 503,
          code: 'runners_busy',
          detail:
            `The runners are busy: ${done} of ${count} texts were embedded in ${ms} ms. ` +
            'Send fewer texts at once, or retry later.',
          retryAfter: 5,
        })
      : new ProblemError({
          status: 503,
          code: 'no_runner',
          detail:
            `No runner became ready to embed within ${ms} ms. ` +
            'GET /runners shows the fleet; npm run runner starts a runner.',
          retryAfter: 5,
        });
  }
}
