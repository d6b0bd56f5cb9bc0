// Remembers who was found wrong, so that a new connection does not give work to the same runner
// again: each time it waits longer.

export type QuarantineEntry = {
  readonly reason: string;
  /** UTC ms. */
  readonly until: number;
  /** How often it was found wrong. */
  readonly times: number;
};

/** The first wait; each further one is twice as long. */
const waitMs = 60_000;
const waitMsMax = 24 * 3_600_000;
/** Whoever was right for so long after its wait begins anew. */
const forgiveMs = 24 * 3_600_000;
const entriesMax = 10_000;

/** Times are UTC ms. The entry that was added longest ago goes first when there are too many. */
export class QuarantineBackoff {
  readonly #entries = new Map<string, QuarantineEntry>();

  add(identity: string, reason: string, now: number): QuarantineEntry {
    const before = this.#entries.get(identity);
    const times = before === undefined || now - before.until > forgiveMs ? 1 : before.times + 1;
    const entry: QuarantineEntry = {
      reason,
      times,
      until: now + Math.min(waitMsMax, waitMs * 2 ** (times - 1)),
    };
    this.#entries.delete(identity);
    this.#entries.set(identity, entry);
    const oldest = this.#entries.keys().next();
    if (this.#entries.size > entriesMax && !oldest.done) this.#entries.delete(oldest.value);
    return entry;
  }

  /** `null` when this identity may work. */
  find(identity: string, now: number): QuarantineEntry | null {
    const entry = this.#entries.get(identity);
    return entry === undefined || now >= entry.until ? null : entry;
  }
}
