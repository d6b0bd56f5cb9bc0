// Lets a runner work only part of the time, so that a lent machine stays cool, quiet and long on
// its battery.

import type { Clock } from '#core/ports.ts';
import type { Turn } from './fair-queue.ts';

export const shareMin = 0.1;
/** A job's deadline at the gateway is 20 seconds or more: a rest must never use it up. */
const restMsMax = 10_000;

/**
 * A turn that works at most `share` of the time: after 100 ms of work at a share of 0.25, the next
 * work begins no sooner than 300 ms later. A rest in which nothing was asked for counts as well.
 * The gateway sees a slower runner and gives it smaller jobs.
 */
export class DutyCycle implements Turn {
  readonly #turn: Turn;
  readonly #clock: Clock;
  #share = 1;
  /** How long the last work took, and when it was over (monotonic). */
  #workedMs = 0;
  #workedUntil = 0;
  #rest = new AbortController();

  constructor(turn: Turn, clock: Clock) {
    this.#turn = turn;
    this.#clock = clock;
  }

  get share(): number {
    return this.#share;
  }

  /** 0…1, at least `shareMin`. Counts at once: a rest that is too long by the new share ends early. */
  set share(share: number) {
    this.#share = Number.isFinite(share) ? Math.min(1, Math.max(shareMin, share)) : 1;
    this.#rest.abort();
    this.#rest = new AbortController();
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    for (let ms = this.#restMs(); ms > 0; ms = this.#restMs())
      await this.#clock.sleep(ms, this.#rest.signal).catch(() => undefined);
    return this.#turn.during(async () => {
      const startedAt = this.#clock.monotonic();
      const result = await work();
      this.#workedUntil = this.#clock.monotonic();
      this.#workedMs = this.#workedUntil - startedAt;
      return result;
    });
  }

  /** What is left of the rest that the last work has earned. */
  #restMs(): number {
    const earned = Math.min(restMsMax, this.#workedMs * (1 / this.#share - 1));
    return this.#workedUntil + earned - this.#clock.monotonic();
  }
}
