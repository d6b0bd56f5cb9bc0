// Divides one model among the connections that share it: while all want it, each has it for the
// same time.

import type { Clock } from '#core/ports.ts';

/** A connection's place among those that share a model. */
export type Turn = {
  /**
   * Does the work as soon as no other place works and it is this one's turn. A place has one call
   * at a time.
   */
  during<T>(work: () => Promise<T>): Promise<T>;
};

/** Of a connection that has its model to itself. */
export const always: Turn = { during: (work) => work() };

type Place = { spentMs: number; begin: () => void };

/**
 * Next is whoever has had the least time, not the fewest turns: one gateway's jobs may be a hundred
 * times another's. Time in which a place wanted nothing earns it nothing: it comes back level with
 * the others (start-time fair queueing, Goyal, Vin and Cheng 1996). Work that throws keeps its
 * turn: a model that failed is not used again.
 */
export class FairQueue {
  readonly #clock: Clock;
  /** In the order in which they came. */
  readonly #waiting = new Set<Place>();
  #isTaken = false;
  /** What the place whose turn it is, or was last, had spent when that began. */
  #levelMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  join(): Turn {
    const place: Place = { spentMs: 0, begin: () => undefined };
    return { during: (work) => this.#during(place, work) };
  }

  async #during<T>(place: Place, work: () => Promise<T>): Promise<T> {
    place.spentMs = Math.max(place.spentMs, this.#levelMs);
    if (this.#isTaken) {
      await new Promise<void>((resolve) => {
        place.begin = resolve;
        this.#waiting.add(place);
      });
    }
    this.#isTaken = true;
    this.#levelMs = place.spentMs;
    const startedAt = this.#clock.monotonic();
    const result = await work();
    place.spentMs += this.#clock.monotonic() - startedAt;
    void this.#pass();
    return result;
  }

  async #pass(): Promise<void> {
    // The place that had the turn asks for its next one when it has this one's result: it is to be
    // among those compared.
    if (this.#waiting.size > 0) await this.#clock.sleep(0);
    const [first, ...others] = this.#waiting;
    const next = others.reduce(
      (least, place) => (least !== undefined && place.spentMs < least.spentMs ? place : least),
      first,
    );
    if (next === undefined) {
      this.#isTaken = false;
      return;
    }
    this.#waiting.delete(next);
    next.begin();
  }
}
