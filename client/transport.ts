// Makes one call of the API: address, key and body. It retries temporary errors, and every error is
// a typed one.

import type { Clock } from '#core/ports.ts';
import { retry, type RetryPolicy } from '#core/time/retry.ts';
import { VectorStreamApiError, VectorStreamConnectionError } from './api-errors.ts';
import { addressOf, problemIn, retryAfterMsOf, type Query } from './http-answers.ts';

/** The part of the global `fetch` that the client uses. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A call failed and will be repeated after `delayMs`. */
export type RetryWait = {
  readonly error: VectorStreamApiError | VectorStreamConnectionError;
  /** The attempt that failed, from 1. */
  readonly attempt: number;
  readonly delayMs: number;
};

export type TransportOptions = {
  /** Address of the gateway, such as `https://search.example.com`. It may contain a path. */
  readonly url: string;
  readonly apiKey: string | null;
  readonly fetch: Fetch;
  /** How long one attempt may take, including its answer. */
  readonly timeoutMs: number;
  readonly retries: RetryPolicy;
  /** How long a call is retried, from its start; `Infinity` for no limit. */
  readonly retryForMs: number;
  readonly onWait: (wait: RetryWait) => void;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
};

export type Call = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly query?: Query;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is, instead of `json`. */
  readonly body?: { readonly data: string | Uint8Array<ArrayBuffer>; readonly type: string };
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * When the call is retried.
   *
   * - `always` (default of GET): even if the first attempt took effect. A repeat does no harm.
   * - `refused` (default otherwise): only when the gateway said that it did nothing.
   * - `never`: an error is the answer.
   */
  readonly repeat?: 'always' | 'refused' | 'never';
};

export type CallOptions = { readonly signal?: AbortSignal | undefined };

export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** Clock, randomness and retries for calls that wait by themselves, such as the live feed. */
  get timing(): Pick<TransportOptions, 'clock' | 'random' | 'retries'> {
    return this.#options;
  }

  /**
   * Resolves to the JSON of the answer; `T` is its type by the API's schema of this path.
   *
   * @throws VectorStreamApiError, VectorStreamConnectionError, or the reason of the signal
   */
  json<T>(call: Call, { signal }: CallOptions = {}): Promise<T> {
    const { retries, retryForMs, onWait, clock, random, timeoutMs } = this.#options;
    const attempt = async (): Promise<T> => {
      const limit = AbortSignal.any([
        AbortSignal.timeout(timeoutMs),
        ...(signal === undefined ? [] : [signal]),
      ]);
      const text = await withTypedErrors(call, signal, async () =>
        (await this.#fetch(call, limit)).text(),
      );
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- by the schema
      return (text === '' ? undefined : parse(call, text)) as T;
    };
    return retry(attempt, {
      policy: retries,
      clock,
      random,
      signal: signal ?? new AbortController().signal,
      giveUpAt: clock.monotonic() + retryForMs,
      retryable: (error) => isRetryable(call, error),
      waitMsMin: (error) => (error instanceof VectorStreamApiError ? (error.retryAfterMs ?? 0) : 0),
      onRetry: (error, number, delayMs) => {
        if (isCallError(error)) onWait({ error, attempt: number, delayMs });
      },
    });
  }

  /** The bytes of the answer as they come. One attempt; only the signal limits its time. */
  stream(call: Call, signal: AbortSignal): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    return withTypedErrors(call, signal, async () => {
      const { body } = await this.#fetch(call, signal);
      return body ?? new ReadableStream({ start: (controller) => controller.close() });
    });
  }

  async #fetch(call: Call, signal: AbortSignal): Promise<Response> {
    const { url, apiKey, clock } = this.#options;
    const type = call.body?.type ?? (call.json === undefined ? null : 'application/json');
    const response = await this.#options.fetch(addressOf(url, call.path, call.query), {
      method: call.method,
      signal,
      headers: {
        ...(type !== null && { 'Content-Type': type }),
        ...(apiKey !== null && { Authorization: `Bearer ${apiKey}` }),
        ...call.headers,
      },
      ...(type !== null && { body: call.body?.data ?? JSON.stringify(call.json) }),
    });
    if (response.ok) return response;
    throw new VectorStreamApiError(
      response.status,
      problemIn(await response.text()),
      retryAfterMsOf(response.headers.get('Retry-After'), clock.now()),
    );
  }
}

const isCallError = (error: unknown): error is RetryWait['error'] =>
  error instanceof VectorStreamApiError || error instanceof VectorStreamConnectionError;

function isRetryable({ method, repeat }: Call, error: unknown): boolean {
  if (!isCallError(error) || !error.retryable || repeat === 'never') return false;
  const isHarmlessTwice = (repeat ?? (method === 'GET' ? 'always' : 'refused')) === 'always';
  return isHarmlessTwice || (error instanceof VectorStreamApiError && error.isCertainlyUndone);
}

/** Whatever `fetch` throws, except for the caller's own signal, means a missing answer. */
async function withTypedErrors<T>(
  call: Call,
  signal: AbortSignal | undefined,
  request: () => Promise<T>,
): Promise<T> {
  try {
    return await request();
  } catch (error) {
    signal?.throwIfAborted();
    if (isCallError(error)) throw error;
    const reason = reasonOf(error);
    throw new VectorStreamConnectionError(
      `${call.method} ${call.path} got no complete answer: ${reason}.`,
      { code: 'no_answer', reason, cause: error },
    );
  }
}

/** `fetch` itself says only that it failed; its cause says why, such as `ECONNREFUSED`. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof Error)
    return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message;
  return error.name === 'TimeoutError' ? 'the answer took too long' : error.message;
}

function parse(call: Call, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = 'the answer is not JSON; is a VectorStream gateway there?';
    throw new VectorStreamConnectionError(`${call.method} ${call.path}: ${reason}`, {
      code: 'not_json',
      reason,
      cause,
    });
  }
}
