// Lets only a few large bodies be read at the same time; further ones wait in order, unread.

import type { Clock } from '#core/ports.ts';
import { ProblemError } from '../http/problem-document.ts';

export type LargeBodyLimits = {
  readonly atOnce: number;
  /** The most bytes of one body. */
  readonly bytesMax: number;
  readonly waitMsMax: number;
};

/** Disposing it admits the next body. */
export type BodySlot = Disposable & {
  /** Collects the body. It is reused, so that refused large bodies leave no memory behind. */
  readonly buffer: Buffer;
};

export class LargeBodies {
  readonly #limits: LargeBodyLimits;
  readonly #clock: Clock;
  readonly #buffers: Buffer[] = [];
  /** Waiting bodies in order of arrival. */
  readonly #waiting = new Set<() => void>();
  #inside = 0;

  constructor(limits: LargeBodyLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Whether a body waits for a slot. */
  get hasWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** @throws ProblemError (429) when no slot was free in time, or the signal's reason. */
  async enter(signal: AbortSignal): Promise<BodySlot> {
    if (this.#inside >= this.#limits.atOnce) await this.#turn(signal);
    else this.#inside += 1;
    // Only the part that was ever written is resident in memory.
    const buffer = this.#buffers.pop() ?? Buffer.allocUnsafeSlow(this.#limits.bytesMax);
    return {
      buffer,
      [Symbol.dispose]: () => {
        this.#buffers.push(buffer);
        const [next] = this.#waiting;
        // The slot passes directly to the first waiting body, so no later one can take it.
        if (next === undefined) {
          this.#inside -= 1;
        } else {
          this.#waiting.delete(next);
          next();
        }
      },
    };
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const { atOnce, waitMsMax } = this.#limits;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const done = new AbortController();
    // Removed at once, so that no slot passes to a request that has ended.
    const leave = (reason: unknown): void => {
      this.#waiting.delete(resolve);
      reject(reason);
    };
    const gone = (): void => leave(signal.reason);
    this.#waiting.add(resolve);
    signal.addEventListener('abort', gone);
    if (signal.aborted) gone();
    this.#clock.sleep(waitMsMax, done.signal).then(
      () =>
        leave(
          new ProblemError({
            status: 429,
            code: 'too_many_bodies',
            detail:
              `${atOnce} other large bodies are being read, and none finished within ` +
              `${waitMsMax / 1000} seconds. Send it again, in smaller parts or as NDJSON.`,
            retryAfter: 1,
          }),
        ),
      () => undefined,
    );
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', gone);
      done.abort();
    }
  }
}
