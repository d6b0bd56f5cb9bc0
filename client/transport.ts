// One call of the API: its address, key and body; trouble that may pass is tried again, and every
// error is a typed one.

import type { Clock } from '#core/ports.ts';
import { retry, type RetryPolicy } from '#core/time/retry.ts';
import { VectorStreamApiError, VectorStreamConnectionError } from './api-errors.ts';
import { addressOf, problemIn, retryAfterMsOf, type Query } from './http-answers.ts';

/** What is used of the global `fetch`. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export type TransportOptions = {
  /** Of the gateway, such as `https://search.example.com`; a path in it is kept. */
  readonly url: string;
  readonly apiKey: string | null;
  readonly fetch: Fetch;
  /** How long one attempt may take, its answer included. */
  readonly timeoutMs: number;
  readonly retries: RetryPolicy;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
};

export type Call = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly query?: Query;
  /** Sent as JSON; `body` is sent as it is instead. */
  readonly json?: unknown;
  readonly body?: { readonly text: string; readonly type: string };
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * `always`: carrying it out twice is as good as once, so it is sent again also when nobody knows
   * whether the first one arrived. `refused` (unless said otherwise for what is not a GET): only
   * when the gateway said that it did nothing. `never`: trouble is its answer.
   */
  readonly repeat?: 'always' | 'refused' | 'never';
};

export type CallOptions = { readonly signal?: AbortSignal | undefined };

export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** Shared with what waits on its own, such as the live feed. */
  get timing(): Pick<TransportOptions, 'clock' | 'random' | 'retries'> {
    return this.#options;
  }

  /**
   * The JSON of the answer; `T` is what the API's schemas say of this path. Throws
   * `VectorStreamApiError`, `VectorStreamConnectionError`, or the reason of the signal.
   */
  json<T>(call: Call, { signal }: CallOptions = {}): Promise<T> {
    const { retries, clock, random, timeoutMs } = this.#options;
    const repeat = call.repeat ?? (call.method === 'GET' ? 'always' : 'refused');
    const attempt = async (): Promise<T> => {
      const limit = AbortSignal.any([
        AbortSignal.timeout(timeoutMs),
        ...(signal === undefined ? [] : [signal]),
      ]);
      const text = await whole(call, signal, async () =>
        (await this.#answered(call, limit)).text(),
      );
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the schemas that make the answer say of it
      return (text === '' ? undefined : parse(call, text)) as T;
    };
    return retry(attempt, {
      policy: retries,
      clock,
      random,
      signal: signal ?? new AbortController().signal,
      retryable: (error) =>
        error instanceof VectorStreamApiError
          ? repeat !== 'never' && error.retryable
          : error instanceof VectorStreamConnectionError && repeat === 'always',
      waitMsMin: (error) => (error instanceof VectorStreamApiError ? (error.retryAfterMs ?? 0) : 0),
    });
  }

  /** The bytes of the answer while they come. One attempt, with no time limit but the signal's. */
  stream(call: Call, signal: AbortSignal): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    return whole(call, signal, async () => {
      const { body } = await this.#answered(call, signal);
      return body ?? new ReadableStream({ start: (controller) => controller.close() });
    });
  }

  async #answered(call: Call, signal: AbortSignal): Promise<Response> {
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
      ...(type !== null && { body: call.body?.text ?? JSON.stringify(call.json) }),
    });
    if (response.ok) return response;
    throw new VectorStreamApiError(
      response.status,
      problemIn(await response.text()),
      retryAfterMsOf(response.headers.get('Retry-After'), clock.now()),
    );
  }
}

/** Whatever `fetch` throws but for the caller's own signal means that there is no whole answer. */
async function whole<T>(
  call: Call,
  signal: AbortSignal | undefined,
  ask: () => Promise<T>,
): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof VectorStreamApiError) throw error;
    throw new VectorStreamConnectionError(
      `${call.method} ${call.path} got no whole answer: ${causeOf(error)}.`,
      { cause: error },
    );
  }
}

/** `fetch` says only that it failed; why is in the cause, where there is one. */
function causeOf(error: unknown): string {
  const { cause } = error instanceof Error ? error : { cause: undefined };
  return cause instanceof Error
    ? cause.message
    : error instanceof Error
      ? error.message
      : String(error);
}

function parse(call: Call, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new VectorStreamConnectionError(
      `${call.method} ${call.path} was answered with something else than JSON: is a VectorStream gateway there?`,
      { cause },
    );
  }
}
