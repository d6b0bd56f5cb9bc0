// Embeds the texts of API requests: after searches, before the stream, a few at a time so that
// neither waits long for them.

import type { EmbeddingService } from '#core/ports.ts';
import { ProblemError } from '../http/problem-document.ts';

export type RequestEmbeddingsOptions = {
  /** Without the model's prefixes: what a client sends is what is embedded. */
  readonly embedding: EmbeddingService;
  /** Texts of all requests together that the fleet has at once. */
  readonly inFlightMax: number;
  /** Texts of all requests together that are in hand. */
  readonly textsMax: number;
  /** For all texts of a request. */
  readonly waitMsMax: number;
  /** While no runner is ready. */
  readonly runnerWaitMsMax: number;
  readonly runnerReady: () => boolean;
};

/** Of so many texts a search waits for a fraction of a second at most. */
export const requestEmbeddingLimits = { inFlightMax: 32, textsMax: 8192 };

/**
 * `tokens`: of the whole text, before it was cut to the model's length; `null` when its runner does
 * not count.
 */
export type EmbeddedText = { readonly vector: Float32Array; readonly tokens: number | null };

export class RequestEmbeddings {
  readonly #options: RequestEmbeddingsOptions;
  #inHand = 0;
  #inFlight = 0;
  /** In the order in which they came; each is told once that it may go on. */
  readonly #waiting = new Set<() => void>();

  constructor(options: RequestEmbeddingsOptions) {
    this.#options = options;
  }

  /**
   * One per text, in order; the same text twice is embedded once. Throws `ProblemError`: 429 when
   * too many texts are in hand, 503 when they were not done in time, 400 when no runner could embed
   * one of them; then the others are given up.
   */
  async embed(texts: readonly string[], signal: AbortSignal): Promise<readonly EmbeddedText[]> {
    const { textsMax, waitMsMax, runnerWaitMsMax, runnerReady } = this.#options;
    if (this.#inHand > 0 && this.#inHand + texts.length > textsMax) {
      throw new ProblemError({
        status: 429,
        code: 'too_many_texts',
        detail: `More than ${textsMax} texts of requests are being embedded. Send this one again.`,
        retryAfter: 2,
      });
    }
    const msMax = runnerReady() ? waitMsMax : Math.min(waitMsMax, runnerWaitMsMax);
    const timeout = AbortSignal.timeout(msMax);
    const failed = new AbortController();
    const ended = AbortSignal.any([signal, timeout, failed.signal]);
    const done = new Map<string, EmbeddedText>();
    const left = new Set(texts);
    const work = async (): Promise<void> => {
      for (const text of left) {
        left.delete(text);
        done.set(text, await this.#one(text, texts.indexOf(text), ended));
      }
    };
    this.#inHand += texts.length;
    try {
      await Promise.all(
        Array.from({ length: Math.min(this.#options.inFlightMax, left.size) }, work),
      );
    } catch (error) {
      failed.abort();
      if (error instanceof ProblemError || !(timeout.aborted || signal.aborted)) throw error;
      throw runnerReady()
        ? new ProblemError({
            status: 503,
            code: 'runners_busy',
            detail: `The runners are busy: ${done.size} of ${texts.length} texts were embedded in ${msMax} ms. Send fewer at once, or again later.`,
            retryAfter: 5,
          })
        : new ProblemError({
            status: 503,
            code: 'no_runner',
            detail: `No runner is ready to embed; waited ${msMax} ms. GET /runners shows the fleet; npm run runner starts one.`,
            retryAfter: 5,
          });
    } finally {
      this.#inHand -= texts.length;
    }
    return texts.map((text) => done.get(text) ?? missing());
  }

  async #one(text: string, index: number, signal: AbortSignal): Promise<EmbeddedText> {
    await this.#place(signal);
    try {
      const result = await this.#options.embedding.embed(text, { priority: 'search', signal });
      if (result.ok) return { vector: result.embedding.vector, tokens: result.tokens ?? null };
      throw new ProblemError({
        status: 400,
        code: result.code,
        detail: `input[${index}] could not be embedded: ${result.message}`,
        more: { param: `input[${index}]` },
      });
    } finally {
      this.#inFlight -= 1;
      const [next] = this.#waiting;
      if (next !== undefined) this.#waiting.delete(next);
      next?.();
    }
  }

  /** Resolves when one more text may go to the fleet; rejects with the signal's reason. */
  async #place(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#inFlight < this.#options.inFlightMax) {
      this.#inFlight += 1;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const begin = (): void => {
      this.#inFlight += 1;
      resolve();
    };
    const leave = (): void => {
      this.#waiting.delete(begin);
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    this.#waiting.add(begin);
    signal.addEventListener('abort', leave, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }
}

function missing(): never {
  throw new Error(
    'A text was not embedded and no error was thrown. This is a bug in VectorStream.',
  );
}
