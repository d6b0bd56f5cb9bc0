// Bounds the events in flight, by count and by bytes. One event that is larger than the bound is
// still admitted when it is alone.

/** Read at every use, because settings may change while the program runs. */
export type InFlightLimits = {
  readonly unsettledMax: number;
  readonly unsettledBytesMax: number;
};

export class InFlightLimit {
  readonly #limits: InFlightLimits;
  #count = 0;
  #bytes = 0;
  /** `null` while nobody waits: events end by the thousand. */
  #changed: PromiseWithResolvers<void> | null = null;

  constructor(limits: InFlightLimits) {
    this.#limits = limits;
  }

  /** Counts one event as in flight. Call the returned function once, when the event has ended. */
  enter(bytes: number): () => void {
    this.#count++;
    this.#bytes += bytes;
    return () => {
      this.#count--;
      this.#bytes -= bytes;
      this.#changed?.resolve();
      this.#changed = null;
    };
  }

  /** Whether no event may enter until another has ended. */
  get isFull(): boolean {
    const { unsettledMax, unsettledBytesMax } = this.#limits;
    return this.#count >= unsettledMax || this.#bytes >= unsettledBytesMax;
  }

  /** Resolves when one more event may enter. Rejects with the signal's reason. */
  async available(signal: AbortSignal): Promise<void> {
    while (this.isFull) {
      signal.throwIfAborted();
      await this.#change(signal);
    }
  }

  /** Resolves when nothing is in flight. */
  async empty(): Promise<void> {
    while (this.#count > 0) await this.#nextChange();
  }

  #nextChange(): Promise<void> {
    this.#changed ??= Promise.withResolvers();
    return this.#changed.promise;
  }

  /** Resolves when an event has ended or the signal aborts. */
  async #change(signal: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<void>();
    const onAbort = () => aborted.resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([this.#nextChange(), aborted.promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}
