// Cuts a stream of events into portions of NDJSON that a request may hold: bounded in events and
// bytes, and never waiting long for company.

import type { Clock } from '#core/ports.ts';

export type PortionLimits = {
  readonly eventsMax: number;
  /** An event that is larger goes alone. */
  readonly bytesMax: number;
  /** So long the first event of a portion waits for others at most. */
  readonly ageMsMax: number;
};

export type Portion = { readonly text: string; readonly count: number };

const encoder = new TextEncoder();

/**
 * All events, in order. One event and one portion are held at a time: what is not asked for is not
 * read. Leaves the source when its reader leaves; throws the reason of the signal, also while the
 * source has nothing.
 */
export async function* portionsOf(
  events: Iterable<unknown> | AsyncIterable<unknown>,
  limits: PortionLimits,
  clock: Clock,
  signal?: AbortSignal,
): AsyncGenerator<Portion, void, undefined> {
  const source = new Pulled(events);
  let lines: string[] = [];
  let bytes = 0;
  let dueAt = Infinity;
  const take = (): Portion => {
    const portion = { text: lines.join(''), count: lines.length };
    [lines, bytes, dueAt] = [[], 0, Infinity];
    return portion;
  };
  try {
    for (;;) {
      const got = await source.within(dueAt - clock.monotonic(), clock, signal);
      if (got === 'late') {
        if (lines.length > 0) yield take();
        continue;
      }
      if (got.done === true) break;
      // What JSON cannot say (undefined) is sent as null, which the gateway turns away by name.
      const line = `${JSON.stringify(got.value) ?? 'null'}\n`;
      const length = encoder.encode(line).length;
      if (lines.length > 0 && bytes + length > limits.bytesMax) yield take();
      if (lines.length === 0) dueAt = clock.monotonic() + limits.ageMsMax;
      lines.push(line);
      bytes += length;
      if (lines.length >= limits.eventsMax || bytes >= limits.bytesMax) yield take();
    }
    if (lines.length > 0) yield take();
  } finally {
    await source.leave();
  }
}

/** An iterator that can be waited for a while: what comes late is kept for the next time. */
class Pulled {
  readonly #iterator: Iterator<unknown> | AsyncIterator<unknown>;
  readonly #isAsync: boolean;
  #coming: Promise<IteratorResult<unknown>> | null = null;
  #isEnded = false;

  constructor(events: Iterable<unknown> | AsyncIterable<unknown>) {
    this.#isAsync = Symbol.asyncIterator in events;
    this.#iterator =
      Symbol.asyncIterator in events ? events[Symbol.asyncIterator]() : events[Symbol.iterator]();
  }

  /** An iterable in memory is never late. */
  async within(
    ms: number,
    clock: Clock,
    signal: AbortSignal | undefined,
  ): Promise<IteratorResult<unknown> | 'late'> {
    signal?.throwIfAborted();
    const given = new AbortController();
    this.#coming ??= this.#next();
    try {
      const late = this.#isAsync
        ? [
            clock
              .sleep(ms, AbortSignal.any([given.signal, ...(signal === undefined ? [] : [signal])]))
              .then(() => 'late' as const),
          ]
        : [];
      const got = await Promise.race([this.#coming, ...late]);
      if (got !== 'late') this.#coming = null;
      return got;
    } finally {
      given.abort();
    }
  }

  async #next(): Promise<IteratorResult<unknown>> {
    try {
      const got = await this.#iterator.next();
      this.#isEnded = got.done === true;
      return got;
    } catch (error) {
      this.#isEnded = true;
      throw error;
    }
  }

  /** Does not wait for a source that is at work on something that nobody wants any more. */
  async leave(): Promise<void> {
    if (this.#isEnded) return;
    const left = Promise.resolve(this.#iterator.return?.());
    if (this.#coming === null) return void (await left);
    for (const abandoned of [this.#coming, left]) abandoned.catch(() => undefined);
  }
}
