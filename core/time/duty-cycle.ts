// Lets a runner work only part of the time, so that its machine stays cool and quiet and its
// battery lasts.

import type { Clock } from '#core/ports.ts';
import type { Turn } from './fair-queue.ts';
import { rest } from './rest.ts';

export const shareMin = 0.1;
/** A job's deadline at the gateway is at least 20 seconds. A rest must not use it up. */
const restMsMax = 10_000;

/**
 * A turn that works at most `share` of the time: after 100 ms of work at a share of 0.25, the next
 * work begins at least 300 ms later. Idle time counts as rest. To the gateway the runner is just
 * slower, and gets smaller jobs.
 */
export class DutyCycle implements Turn {
  readonly #turn: Turn;
  readonly #clock: Clock;
  #share = 1;
  /** How long the last work took, and when it ended (monotonic ms). */
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

  /** `shareMin`…1. Takes effect at once: a rest that is now too long ends early. */
  set share(share: number) {
    this.#share = Number.isFinite(share) ? Math.min(1, Math.max(shareMin, share)) : 1;
    this.#rest.abort();
    this.#rest = new AbortController();
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    for (let ms = this.#restMs(); ms > 0; ms = this.#restMs())
      await rest(this.#clock, ms, this.#rest.signal);
    return this.#turn.during(async () => {
      const startedAt = this.#clock.monotonic();
      const result = await work();
      this.#workedUntil = this.#clock.monotonic();
      this.#workedMs = this.#workedUntil - startedAt;
      return result;
    });
  }

  /** How much of the rest after the last work is left. */
  #restMs(): number {
    const earned = Math.min(restMsMax, this.#workedMs * (1 / this.#share - 1));
    return this.#workedUntil + earned - this.#clock.monotonic();
  }
}
