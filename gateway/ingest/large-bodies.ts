// Lets few large bodies be in hand at the same time; whoever brings another one waits in turn, and
// is not read meanwhile.

import type { Clock } from '#core/ports.ts';
import { ProblemError } from '../http/problem-document.ts';

export type LargeBodyLimits = {
  readonly atOnce: number;
  /** Of one body. */
  readonly bytesMax: number;
  readonly waitMsMax: number;
};

/** Disposing lets the next one in. */
export type BodySlot = Disposable & {
  /**
   * Where a body is put together. Used again for the next one: bodies that are refused when they
   * have grown large then leave no memory behind.
   */
  readonly desk: Buffer;
};

export class LargeBodies {
  readonly #limits: LargeBodyLimits;
  readonly #clock: Clock;
  readonly #desks: Buffer[] = [];
  /** In the order in which they came. */
  readonly #waiting = new Set<() => void>();
  #inside = 0;

  constructor(limits: LargeBodyLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Throws `ProblemError` 429 when no place came free in time, and the signal's reason. */
  async enter(signal: AbortSignal): Promise<BodySlot> {
    if (this.#inside >= this.#limits.atOnce) await this.#turn(signal);
    else this.#inside += 1;
    // Of its memory as much is resident as was ever written.
    const desk = this.#desks.pop() ?? Buffer.allocUnsafeSlow(this.#limits.bytesMax);
    return {
      desk,
      [Symbol.dispose]: () => {
        this.#desks.push(desk);
        const [next] = this.#waiting;
        // The place goes from hand to hand: nobody who comes now is before those who wait.
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
    // At once, so that no place is handed to somebody who has gone.
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
            detail: `${atOnce} large bodies are being read, and it was not the turn of this one within ${waitMsMax / 1000} seconds. Send it again, in smaller parts or as NDJSON.`,
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
