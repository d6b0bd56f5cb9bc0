// What one live client has yet to be sent: in order, bounded, and never two versions of what only
// the latest of matters.

/** A message for all clients, made into text once. */
export type Entry = {
  /** Rises with every message of this gateway. */
  readonly sequence: number;
  readonly topic: string;
  /** Entries with the same key replace each other; `null`: every one counts. */
  readonly key: string | null;
  readonly text: string;
  /** How things stand when a client comes, and no change. */
  readonly isSnapshot: boolean;
};

export type OutboxLimits = { readonly entriesMax: number; readonly charsMax: number };

/** Pure. A client that does not keep up loses the oldest entries, and is told how many. */
export class Outbox {
  readonly #limits: OutboxLimits;
  /** In the order in which they will be sent: a Map keeps the order of insertion. */
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
      // Whatever is taken fits alone.
      if (this.#entries.size === 1 || (this.#entries.size <= entriesMax && this.#chars <= charsMax))
        return;
      this.#remove(oldest, lost);
      this.#dropped += 1;
    }
  }

  /** The next one, and how many were lost since the last was taken; `null` when there is none. */
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
