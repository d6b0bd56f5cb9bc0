// The messages that one live client has yet to receive: in order, bounded, and without outdated
// versions of a message.

/** A message as text, made once for all clients. */
export type Entry = {
  /** Rises with every message of this gateway. */
  readonly sequence: number;
  readonly topic: string;
  /** A newer entry replaces an older one with the same key; `null`: every entry counts. */
  readonly key: string | null;
  readonly text: string;
  /** The state when a client connects, not a change. */
  readonly isSnapshot: boolean;
};

export type OutboxLimits = { readonly entriesMax: number; readonly charsMax: number };

/** Pure. A slow client loses the oldest entries and learns how many. */
export class Outbox {
  readonly #limits: OutboxLimits;
  /** Entries in sending order. */
  readonly #entries = new Map<string, Entry>();
  #chars = 0;
  #dropped = 0;

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  put(entry: Entry): void {
    const key = entry.key ?? `#${entry.sequence}`;
    const older = this.#entries.get(key);
    if (older !== undefined) this.#remove(key, older);
    this.#entries.set(key, entry);
    this.#chars += entry.text.length;
    const { entriesMax, charsMax } = this.#limits;
    for (const [oldest, lost] of this.#entries) {
      // A single entry always fits.
      if (this.#entries.size === 1 || (this.#entries.size <= entriesMax && this.#chars <= charsMax))
        return;
      this.#remove(oldest, lost);
      this.#dropped += 1;
    }
  }

  /**
   * The next entry, and how many were dropped since the last one was taken; `null` when the outbox
   * is empty.
   */
  take(): { readonly entry: Entry; readonly dropped: number } | null {
    for (const [key, entry] of this.#entries) {
      this.#remove(key, entry);
      const dropped = this.#dropped;
      this.#dropped = 0;
      return { entry, dropped };
    }
    return null;
  }

  #remove(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#chars -= entry.text.length;
  }
}
