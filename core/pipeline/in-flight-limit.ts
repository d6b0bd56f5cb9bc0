// Bounds what is in hand, by count and by bytes; whoever brings more waits, and one that is too
// large alone still fits.

/** Read again at every use: they may change. */
export type Room = { readonly unsettledMax: number; readonly unsettledBytesMax: number };

export class InFlightLimit {
  readonly #room: Room;
  #count = 0;
  #bytes = 0;
  #changed = Promise.withResolvers<void>();

  constructor(room: Room) {
    this.#room = room;
  }

  /** Takes room and returns how to give it back, once. */
  enter(bytes: number): () => void {
    this.#count++;
    this.#bytes += bytes;
    return () => {
      this.#count--;
      this.#bytes -= bytes;
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    };
  }

  /** Resolves when one more may enter; rejects with the signal's reason. */
  async available(signal: AbortSignal): Promise<void> {
    while (this.#count >= this.#room.unsettledMax || this.#bytes >= this.#room.unsettledBytesMax) {
      signal.throwIfAborted();
      await this.#change(signal);
    }
  }

  /** Resolves when nothing is inside. */
  async empty(): Promise<void> {
    while (this.#count > 0) await this.#changed.promise;
  }

  /** Waits for somebody to leave, or for the signal. */
  async #change(signal: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<void>();
    const onAbort = () => aborted.resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([this.#changed.promise, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}
