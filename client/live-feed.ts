// Follows what happens in a gateway for as long as it is asked to: a connection that ends is opened
// again where it stopped.

import { backoffMs } from '#core/time/retry.ts';
import { VectorStreamApiError, VectorStreamConnectionError } from './api-errors.ts';
import type { Heartbeat, Hello, LiveMessage, Topic } from './feed-messages.ts';
import { serverSentEvents } from './server-sent-events.ts';
import type { CallOptions, Transport } from './transport.ts';

export type LiveOptions = CallOptions & {
  /** All when absent. */
  readonly topics?: readonly Topic[];
  /** `id` of the last message seen, to go on after it. */
  readonly since?: string;
};

/** A connection that says nothing for so many heartbeats is dead. */
const heartbeatsMissedMax = 2.5;
/** Until the first message says how often the heart beats. */
const helloMsMax = 30_000;

/**
 * Messages of `GET /sse/events`, read only as they are asked for: who is slow gets `dropped`, and
 * never fills memory. Goes on until the loop is left or the signal aborts (then it ends, without an
 * error). Throws `VectorStreamApiError` for what will not pass, such as a wrong key.
 */
export async function* followLive(
  transport: Transport,
  { topics, since, signal }: LiveOptions = {},
): AsyncGenerator<LiveMessage, void, undefined> {
  const { clock, random, retries } = transport.timing;
  const left = new AbortController();
  const ended = AbortSignal.any([left.signal, ...(signal === undefined ? [] : [signal])]);
  let last = since;
  let failures = 0;
  try {
    while (!ended.aborted) {
      let waitMsMin = 0;
      try {
        for await (const { message, id } of connection(transport, topics, last, ended)) {
          failures = 0;
          // A snapshot may come before older messages that were missed.
          if (message.type === 'heartbeat') last = message.id;
          else if (id !== '' && !('snapshot' in message)) last = id;
          if (message.type !== 'hello' && message.type !== 'heartbeat') yield message;
        }
      } catch (error) {
        if (ended.aborted) return;
        const mayPass =
          error instanceof VectorStreamConnectionError ||
          (error instanceof VectorStreamApiError && error.retryable);
        if (!mayPass) throw error;
        if (error instanceof VectorStreamApiError) waitMsMin = error.retryAfterMs ?? 0;
      }
      failures += 1;
      await clock
        .sleep(waitMsMin + random() * backoffMs(retries, failures), ended)
        .catch(() => undefined);
    }
  } finally {
    left.abort();
  }
}

type Received = { readonly message: LiveMessage | Hello | Heartbeat; readonly id: string };

/**
 * One connection, until it ends. Throws `VectorStreamConnectionError` when it breaks or falls
 * silent.
 */
async function* connection(
  transport: Transport,
  topics: readonly Topic[] | undefined,
  since: string | undefined,
  ended: AbortSignal,
): AsyncGenerator<Received, void, undefined> {
  const silent = new AbortController();
  const signal = AbortSignal.any([ended, silent.signal]);
  const watch = new SilenceWatch(() =>
    silent.abort(new VectorStreamConnectionError('The live feed fell silent.')),
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
      // Who takes long to work on a message is not the gateway's silence.
      watch.rest();
      ended.throwIfAborted();
      if (done === true) return;
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the documented messages; there are no others
      const message = JSON.parse(value.data) as Received['message'];
      if (message.type === 'hello') heartbeatMs = message.heartbeat_ms;
      yield { message, id: value.id };
    }
  } catch (error) {
    ended.throwIfAborted();
    if (error instanceof VectorStreamApiError || error instanceof VectorStreamConnectionError)
      throw error;
    throw new VectorStreamConnectionError('The live feed broke off.', { cause: error });
  } finally {
    watch.rest();
    silent.abort();
  }
}

class SilenceWatch {
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #silent: () => void;
  constructor(silent: () => void) {
    this.#silent = silent;
  }
  expect(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#silent, ms);
  }
  rest(): void {
    clearTimeout(this.#timer);
  }
}
