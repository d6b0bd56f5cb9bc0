// The client of VectorStream's API, for Node and for browsers: every call typed by the gateway's
// own schemas, trouble that may pass tried again.

import { systemClock } from '#core/time/clock.ts';
import { deadLetterCalls } from './dead-letter-calls.ts';
import { eventCalls } from './event-calls.ts';
import { followLive, type LiveOptions } from './live-feed.ts';
import { operationCalls } from './operation-calls.ts';
import { searchCalls } from './search-calls.ts';
import { Transport, type Fetch } from './transport.ts';

// A package shows its users one file.
export { VectorStreamApiError, VectorStreamConnectionError } from './api-errors.ts';
export type { LiveMessage, Topic } from './feed-messages.ts';
export type { EventToSend, SendItem, SendOptions } from './event-calls.ts';

export type ClientOptions = {
  /** Of the gateway, such as `https://search.example.com`; a path in it is kept. */
  readonly url: string;
  /** None where the gateway has no keys. */
  readonly apiKey?: string;
  /** How long one attempt may take, its answer included; 60,000 when absent. */
  readonly timeoutMs?: number;
  /** How often a call is tried in all; 5 when absent, 1 never tries again. */
  readonly attemptsMax?: number;
  /** Instead of the global one, such as behind a proxy. */
  readonly fetch?: Fetch;
};

export type VectorStreamClient = ReturnType<typeof createClient>;

/**
 * Opens nothing: every call stands alone and takes a `signal`. Calls throw `VectorStreamApiError`
 * (the gateway said no), `VectorStreamConnectionError` (no answer) or the reason of their signal.
 * Tried again are 429 and 503, after `Retry-After`, and, where carrying a call out twice does no
 * harm, broken connections; waits double from up to 200 ms to up to 10 s, at random.
 */
export function createClient({
  url,
  apiKey,
  timeoutMs = 60_000,
  attemptsMax = 5,
  fetch = globalThis.fetch,
}: ClientOptions) {
  const transport = new Transport({
    url,
    apiKey: apiKey ?? null,
    timeoutMs,
    clock: systemClock,
    random: Math.random,
    retries: { attemptsMax, delayMs: 200, delayMsMax: 10_000 },
    // Called as a method, a browser's own would refuse.
    fetch: (address, init) => fetch(address, init),
  });
  return {
    events: eventCalls(transport),
    ...searchCalls(transport),
    deadLetters: deadLetterCalls(transport),
    ...operationCalls(transport),
    live: (options?: LiveOptions) => followLive(transport, options),
  };
}
