// The loop that every event source shares: it reads when it is pulled, waits while there is nothing
// to read, and ends when its signal aborts or it is closed.

import { assert } from '#core/errors/assert.ts';
import type { Delivery, EventSource } from '#core/ports.ts';

export type PulledSourceOptions<Fetched> = {
  /**
   * Begins to fetch what may be delivered next. It runs one batch ahead of the reader, never twice
   * at once, and must not reject. `ended` aborts when the deliveries end. A source that already
   * holds its records in memory fetches nothing.
   */
  readonly fetch: (ended: AbortSignal) => Promise<Fetched> | Fetched;
  /**
   * Turns what was fetched into the next batch. Called only when the reader pulls. An empty batch
   * means: wait for `wake`.
   */
  readonly deliver: (fetched: Fetched) => readonly Delivery[];
};

export type PulledSource = Pick<EventSource, 'deliveries'> & {
  /** Call it whenever there may be something to deliver: after an append, and after a settle. */
  readonly wake: () => void;
  /** Makes `deliveries` throw this error. The first error stays. */
  readonly fail: (error: Error) => void;
  readonly failure: () => Error | null;
  /** Ends `deliveries`. */
  readonly close: () => void;
  readonly closed: AbortSignal;
};

export function createPulledSource<Fetched>({
  fetch,
  deliver,
}: PulledSourceOptions<Fetched>): PulledSource {
  const closing = new AbortController();
  let failure: Error | null = null;
  let isStarted = false;
  let change = Promise.withResolvers<void>();

  const wake = (): void => {
    change.resolve();
    change = Promise.withResolvers();
  };

  /** `changed` is from before the fetch begins, so that no wake during the fetch is missed. */
  const fetchAhead = (ended: AbortSignal) => ({ changed: change.promise, fetched: fetch(ended) });

  return {
    async *deliveries(signal) {
      assert(!isStarted, 'The deliveries of a source were requested twice');
      isStarted = true;
      const ended = AbortSignal.any([signal, closing.signal]);
      ended.addEventListener('abort', wake);
      try {
        for (let ahead = fetchAhead(ended); !ended.aborted;) {
          const fetched = await ahead.fetched;
          if (ended.aborted) return;
          if (failure !== null) throw failure;
          const batch = deliver(fetched);
          if (batch.length === 0) await ahead.changed;
          ahead = fetchAhead(ended);
          if (batch.length > 0) yield batch;
        }
      } finally {
        ended.removeEventListener('abort', wake);
      }
    },
    wake,
    fail(error) {
      failure ??= error;
      wake();
    },
    failure: () => failure,
    close: () => closing.abort(),
    closed: closing.signal,
  };
}
