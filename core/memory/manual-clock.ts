// A clock that moves only when a test says so, so that the test decides how every wait ends.

import type { Clock } from '#core/ports.ts';

type Sleeper = { readonly due: number; readonly wake: () => void };

export class ManualClock implements Clock {
  #elapsed = 0;
  #wallOffset: number;
  /** Sleepers by due time, then by arrival. */
  readonly #sleepers: Sleeper[] = [];

  /** `startsAt`: UTC ms. */
  constructor(startsAt: number = Date.UTC(2026, 0, 1)) {
    this.#wallOffset = startsAt;
  }

  now(): number {
    return this.#wallOffset + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  /** How many sleeps have not ended. 0 shows that no timer was left behind. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  /** Moves only the wall clock, as when an administrator sets it. */
  jump(ms: number): void {
    this.#wallOffset += ms;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const aborted = () => {
        this.#sleepers.splice(this.#sleepers.indexOf(sleeper), 1);
        reject(signal?.reason);
      };
      const sleeper: Sleeper = {
        due: this.#elapsed + Math.max(0, ms),
        wake: () => {
          signal?.removeEventListener('abort', aborted);
          resolve();
        },
      };
      signal?.addEventListener('abort', aborted, { once: true });
      const after = this.#sleepers.findIndex((other) => other.due > sleeper.due);
      this.#sleepers.splice(after === -1 ? this.#sleepers.length : after, 0, sleeper);
    });
  }

  /**
   * Lets `ms` pass. Sleepers wake one by one at their due time. Before the next one wakes, all code
   * that the last one resumed has run up to its next real I/O. A sleep that begins meanwhile also
   * ends meanwhile when it is due.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    do await pendingReactions();
    while (this.wakeNext(end));
  }

  /**
   * Moves to the next sleeper that is due by `end` (monotonic ms) and wakes it. When there is none,
   * it moves to `end` and returns false.
   */
  wakeNext(end: number): boolean {
    const [next] = this.#sleepers;
    if (next === undefined || next.due > end) {
      this.#elapsed = end;
      return false;
    }
    this.#sleepers.shift();
    this.#elapsed = next.due;
    next.wake();
    return true;
  }
}

/** Resolves once all pending promise reactions, and those that they cause, have run. */
function pendingReactions(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener('message', () => {
      port1.close();
      resolve();
    });
    port1.start();
    port2.postMessage(null);
  });
}
