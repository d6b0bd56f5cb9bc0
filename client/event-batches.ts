// Cuts a stream of events into NDJSON batches for requests. A batch is bounded in events and bytes,
// and does not wait long to fill.

import type { Clock } from '#core/ports.ts';
import { unlessAborted, within } from '#core/time/deadline.ts';

export type BatchLimits = {
  readonly eventsMax: number;
  /** An event that is larger makes a batch of its own. */
  readonly bytesMax: number;
  /** How long the first event of a batch waits for others at most. */
  readonly ageMsMax: number;
};

export type EventBatch = { readonly text: string; readonly count: number };

const encoder = new TextEncoder();

/**
 * Yields all events, in order. Holds one event and one batch at a time, and reads no event before
 * it is needed. Closes the source when its own reader leaves. Throws the signal's reason, even
 * while it waits for the source.
 */
export async function* batchesOf(
  events: Iterable<unknown> | AsyncIterable<unknown>,
  limits: BatchLimits,
  clock: Clock,
  signal?: AbortSignal,
): AsyncGenerator<EventBatch, void, undefined> {
  const source = new TimedSource(events);
  let lines: string[] = [];
  let bytes = 0;
  let dueAt = Infinity;
  const take = (): EventBatch => {
    const batch = { text: lines.join(''), count: lines.length };
    [lines, bytes, dueAt] = [[], 0, Infinity];
    return batch;
  };
  try {
    for (;;) {
      const next = await source.next(dueAt - clock.monotonic(), clock, signal);
      if (next === 'late') {
        if (lines.length > 0) yield take();
        continue;
      }
      if (next.done === true) break;
      // JSON has no undefined. It is sent as null, which the gateway rejects with a reason.
      const line = `${JSON.stringify(next.value) ?? 'null'}\n`;
      const length = encoder.encode(line).length;
      if (lines.length > 0 && bytes + length > limits.bytesMax) yield take();
      if (lines.length === 0) dueAt = clock.monotonic() + limits.ageMsMax;
      lines.push(line);
      bytes += length;
      if (lines.length >= limits.eventsMax || bytes >= limits.bytesMax) yield take();
    }
    if (lines.length > 0) yield take();
  } finally {
    await source.close();
  }
}

/** An iterator whose next item can be awaited for a limited time. A late item is kept. */
class TimedSource {
  readonly #iterator: Iterator<unknown> | AsyncIterator<unknown>;
  readonly #isAsync: boolean;
  #pending: Promise<IteratorResult<unknown>> | null = null;
  #hasEnded = false;

  constructor(events: Iterable<unknown> | AsyncIterable<unknown>) {
    this.#isAsync = Symbol.asyncIterator in events;
    this.#iterator =
      Symbol.asyncIterator in events ? events[Symbol.asyncIterator]() : events[Symbol.iterator]();
  }

  /** `late` when there is no item after `ms`. A synchronous source is never late. */
  async next(
    ms: number,
    clock: Clock,
    signal: AbortSignal | undefined,
  ): Promise<IteratorResult<unknown> | 'late'> {
    signal?.throwIfAborted();
    this.#pending ??= this.#pull();
    const result = this.#isAsync
      ? await within(unlessAborted(this.#pending, signal), {
          ms,
          clock,
          late: () => 'late' as const,
        })
      : await this.#pending;
    if (result !== 'late') this.#pending = null;
    return result;
  }

  async #pull(): Promise<IteratorResult<unknown>> {
    try {
      const result = await this.#iterator.next();
      this.#hasEnded = result.done === true;
      return result;
    } catch (error) {
      this.#hasEnded = true;
      throw error;
    }
  }

  /** Does not wait for an item that the source is still making. */
  async close(): Promise<void> {
    if (this.#hasEnded) return;
    const closed = Promise.resolve(this.#iterator.return?.());
    if (this.#pending === null) return void (await closed);
    for (const abandoned of [this.#pending, closed]) abandoned.catch(() => undefined);
  }
}
