// Divides one model among the connections that share it: while all need it, each gets the same
// time.

import type { Clock } from '#core/ports.ts';

/** One connection's share of a model. */
export type Turn = {
  /**
   * Runs the work when it is this connection's turn and no other one works. Calls of one connection
   * do not overlap.
   */
  during<T>(work: () => Promise<T>): Promise<T>;
};

/** The turn of a connection that does not share its model. */
export const always: Turn = { during: (work) => work() };

/** A connection: the time that it has used, and how to begin its turn. */
type Member = { usedMs: number; begin: () => void };

/**
 * The next turn goes to the connection that has used the least time, not the fewest turns, because
 * the jobs of one gateway may be a hundred times as long as those of another. Idle time earns no
 * credit: a connection comes back level with the others (start-time fair queueing: Goyal, Vin and
 * Cheng, 1996). Work that throws never ends its turn, because a model that failed is not used
 * again.
 */
export class FairQueue {
  readonly #clock: Clock;
  /** Connections in order of arrival. */
  readonly #waiting = new Set<Member>();
  #isTaken = false;
  /** How much time the member of the current or last turn had used when that turn began. */
  #levelMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  join(): Turn {
    const member: Member = { usedMs: 0, begin: () => undefined };
    return { during: (work) => this.#during(member, work) };
  }

  async #during<T>(member: Member, work: () => Promise<T>): Promise<T> {
    member.usedMs = Math.max(member.usedMs, this.#levelMs);
    if (this.#isTaken) {
      await new Promise<void>((resolve) => {
        member.begin = resolve;
        this.#waiting.add(member);
      });
    }
    this.#isTaken = true;
    this.#levelMs = member.usedMs;
    const startedAt = this.#clock.monotonic();
    const result = await work();
    member.usedMs += this.#clock.monotonic() - startedAt;
    void this.#pass();
    return result;
  }

  async #pass(): Promise<void> {
    // The member that had the turn may ask for its next one when it gets this result. Wait, so that
    // it takes part in the comparison.
    if (this.#waiting.size > 0) await this.#clock.sleep(0);
    const [first, ...others] = this.#waiting;
    const next = others.reduce(
      (least, member) => (least !== undefined && member.usedMs < least.usedMs ? member : least),
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
