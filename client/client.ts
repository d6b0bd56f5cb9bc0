// The client of VectorStream's API, for Node and for browsers. Every call is typed by the gateway's
// own schemas, and temporary errors are retried.

import { systemClock } from '#core/time/clock.ts';
import { catalogueCalls, searchRuleCalls } from './catalogue-calls.ts';
import { deadLetterCalls } from './dead-letter-calls.ts';
import { eventCalls } from './event-calls.ts';
import { followLive, type LiveOptions } from './live-feed.ts';
import { operationCalls } from './operation-calls.ts';
import { searchCalls } from './search-calls.ts';
import { textCalls } from './text-calls.ts';
import { Transport, type Fetch, type RetryWait } from './transport.ts';

// Users of the package import everything from this one file.
export {
  VectorStreamApiError,
  VectorStreamConnectionError,
  VectorStreamPartialSendError,
} from './api-errors.ts';
export type { CatalogueAnswer, CatalogueEntryView, ProductToPut } from './catalogue-calls.ts';
export type { DeadLetter } from './dead-letter-calls.ts';
export type { LiveMessage, Topic } from './feed-messages.ts';
export type { EventToSend, SendItem, SendOptions, SendResult } from './event-calls.ts';
export type { HealthView, Readiness, Stats, StatsHistory, SystemView } from './operation-calls.ts';
export type { SearchResult } from './search-calls.ts';
export type { StoredText, TextPage } from './text-calls.ts';
export type { RetryWait } from './transport.ts';

export type ClientOptions = {
  /** Address of the gateway, such as `https://search.example.com`. It may contain a path. */
  readonly url: string;
  /** Leave it out when the gateway has no keys. */
  readonly apiKey?: string;
  /** How long one attempt may take, including its answer. 60,000 when absent. */
  readonly timeoutMs?: number;
  /**
   * How many times a call is tried in all; 1 never retries. When absent: 5, or any number if
   * `retryForMs` is given.
   */
  readonly attemptsMax?: number;
  /** How long a call is retried, in ms from its start. No limit when absent. */
  readonly retryForMs?: number;
  /** Called before each wait for the next attempt. */
  readonly onWait?: (wait: RetryWait) => void;
  /** Replaces the global `fetch`, for example to go through a proxy. */
  readonly fetch?: Fetch;
};

export type VectorStreamClient = ReturnType<typeof createClient>;

/**
 * Opens no connection: every call is independent and takes a `signal`. Calls throw
 * `VectorStreamApiError` (the gateway refused), `VectorStreamConnectionError` (no usable answer) or
 * the reason of their signal.
 *
 * Status 429 and 503 are retried, after `Retry-After`. Broken connections, 502 and 504 are retried
 * where carrying out a call twice does no harm. Before the n-th retry there is a random wait of up
 * to 200 ms × 2^(n-1), at most 10 s.
 */
export function createClient({
  url,
  apiKey,
  timeoutMs = 60_000,
  retryForMs,
  attemptsMax = retryForMs === undefined ? 5 : Infinity,
  onWait = () => undefined,
  fetch = globalThis.fetch,
}: ClientOptions) {
  const transport = new Transport({
    url,
    apiKey: apiKey ?? null,
    timeoutMs,
    clock: systemClock,
    random: Math.random,
    retries: { attemptsMax, delayMs: 200, delayMsMax: 10_000 },
    retryForMs: retryForMs ?? Infinity,
    onWait,
    // A browser's own fetch throws when it is called as a method of another object.
    fetch: (address, init) => fetch(address, init),
  });
  return {
    events: eventCalls(transport),
    products: catalogueCalls(transport),
    searchRules: searchRuleCalls(transport),
    ...searchCalls(transport),
    texts: textCalls(transport),
    deadLetters: deadLetterCalls(transport),
    ...operationCalls(transport),
    live: (options?: LiveOptions) => followLive(transport, options),
  };
}
