// Follows the live feed of a gateway until its reader stops. A connection that ends is opened again
// and resumes after the last message.

import type { Clock } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';
import { RetryDelays } from '#core/time/retry.ts';
import { VectorStreamApiError, VectorStreamConnectionError } from './api-errors.ts';
import type { Heartbeat, Hello, LiveMessage, Topic } from './feed-messages.ts';
import { serverSentEvents } from './server-sent-events.ts';
import type { CallOptions, Transport } from './transport.ts';

export type LiveOptions = CallOptions & {
  /** All topics when absent. */
  readonly topics?: readonly Topic[];
  /** `id` of the last message seen: the feed resumes after it. */
  readonly since?: string;
  /** Called with `true` when a connection begins, and with `false` when it has ended or failed. */
  readonly onConnection?: (isOpen: boolean) => void;
};

/** A connection that is silent for this many heartbeats is dead. */
const heartbeatsMissedMax = 2.5;
/** Replaces the heartbeat interval until the first message names it. */
const helloMsMax = 30_000;

/**
 * Yields the messages of `GET /sse/events`, and reads only as they are asked for: a slow reader
 * gets `dropped`, and memory never fills. Ends, without an error, when the loop is left or the
 * signal aborts.
 *
 * @throws VectorStreamApiError for a lasting error, such as a wrong key
 */
export async function* followLive(
  transport: Transport,
  { topics, since, signal, onConnection = () => undefined }: LiveOptions = {},
): AsyncGenerator<LiveMessage, void, undefined> {
  const { clock, random, retries } = transport.timing;
  const left = new AbortController();
  const ended = AbortSignal.any([left.signal, ...(signal === undefined ? [] : [signal])]);
  const delays = new RetryDelays({ backoff: retries, jitter: 'full', random });
  let last = since;
  try {
    while (!ended.aborted) {
      let trouble: unknown = null;
      try {
        for await (const { message, id } of connection(transport, topics, last, ended)) {
          delays.reset();
          // A snapshot may arrive before older messages that were missed, so it does not count.
          if (message.type === 'hello') onConnection(true);
          if (message.type === 'heartbeat') last = message.id;
          else if (id !== '' && !('snapshot' in message)) last = id;
          if (message.type !== 'hello' && message.type !== 'heartbeat') yield message;
        }
      } catch (error) {
        if (ended.aborted) return;
        trouble = error;
      }
      onConnection(false);
      const waitMsMin = trouble === null ? 0 : retryAfterMs(trouble);
      await rest(clock, waitMsMin + delays.next(), ended);
    }
  } finally {
    left.abort();
  }
}

/** How long to wait at least after this error; throws the error when it is a lasting one. */
function retryAfterMs(error: unknown): number {
  if (error instanceof VectorStreamApiError && error.retryable) return error.retryAfterMs ?? 0;
  if (error instanceof VectorStreamConnectionError) return 0;
  throw error;
}

type Received = { readonly message: LiveMessage | Hello | Heartbeat; readonly id: string };

/**
 * Yields the messages of one connection until it ends.
 *
 * @throws VectorStreamConnectionError when the connection breaks or falls silent
 */
async function* connection(
  transport: Transport,
  topics: readonly Topic[] | undefined,
  since: string | undefined,
  ended: AbortSignal,
): AsyncGenerator<Received, void, undefined> {
  const silent = new AbortController();
  const signal = AbortSignal.any([ended, silent.signal]);
  const watch = new SilenceWatch(transport.timing.clock, () =>
    silent.abort(failure('The live feed fell silent.')),
  );
  watch.expect(helloMsMax);
  try {
    const bytes = await transport.stream(
      { method: 'GET', path: '/sse/events', query: { topics: topics?.join(','), since } },
      signal,
    );
    let heartbeatMs = helloMsMax;
    const events = serverSentEvents(bytes);
    for (;;) {
      watch.expect(heartbeatsMissedMax * heartbeatMs);
      const { done, value } = await events.next();
      // While the reader works on a message, the gateway is not silent.
      watch.pause();
      ended.throwIfAborted();
      if (done === true) return;
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as in docs/live.md
      const message = JSON.parse(value.data) as Received['message'];
      if (message.type === 'hello') heartbeatMs = message.heartbeat_ms;
      yield { message, id: value.id };
    }
  } catch (error) {
    ended.throwIfAborted();
    if (error instanceof VectorStreamApiError || error instanceof VectorStreamConnectionError)
      throw error;
    throw failure('The live feed broke off.', error);
  } finally {
    watch.pause();
    silent.abort();
  }
}

const failure = (message: string, cause?: unknown): VectorStreamConnectionError =>
  new VectorStreamConnectionError(message, { code: 'no_answer', reason: message, cause });

/** Calls `onSilence` when nothing arrived within the expected time. */
class SilenceWatch {
  readonly #clock: Clock;
  readonly #onSilence: () => void;
  #timer = new AbortController();

  constructor(clock: Clock, onSilence: () => void) {
    this.#clock = clock;
    this.#onSilence = onSilence;
  }

  expect(ms: number): void {
    this.pause();
    this.#timer = new AbortController();
    void rest(this.#clock, ms, this.#timer.signal).then((hasPassed) => {
      if (hasPassed) this.#onSilence();
    });
  }

  pause(): void {
    this.#timer.abort();
  }
}
