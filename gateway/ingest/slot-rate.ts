// Ends a large body that keeps others waiting: the more of it is held in memory, the faster it must
// arrive.

import type { Clock } from '#core/ports.ts';
import { ProblemError } from '../http/problem-document.ts';

/** While others wait, a large body grows by at least a tenth of itself per second. */
const sharePerSecondMin = 0.1;
/**
 * The time over which the rate is measured. It is less than half of what a body waits for a slot,
 * so that its turn comes.
 */
const windowMs = 4_000;

/** The arrival of one body, from when it got its slot. */
export class SlotRate {
  readonly #clock: Clock;
  #since: number;
  #bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.monotonic();
  }

  /**
   * @param held how much of the body was held before
   * @throws ProblemError (408) when the body was too slow and another one waits
   */
  arrived(bytes: number, held: number, othersWait: boolean): void {
    this.#bytes += bytes;
    const ms = this.#clock.monotonic() - this.#since;
    if (ms < windowMs) return;
    const arrived = this.#bytes;
    this.#since += ms;
    this.#bytes = 0;
    const bytesPerSecondMin = Math.ceil(held * sharePerSecondMin);
    if (!othersWait || (arrived * 1000) / ms >= bytesPerSecondMin) return;
    throw new ProblemError({
      status: 408,
      code: 'body_too_slow',
      detail:
        `Other large bodies wait for this one, which is too slow: ${arrived} bytes in ` +
        `${Math.round(ms / 1000)} s, after ${held}; the minimum is ${bytesPerSecondMin} ` +
        'bytes/s. Send it in smaller parts, or as NDJSON.',
    });
  }
}
