// Sends rows in batches, several at a time, and reports their acknowledgements in the order of the
// file.

/** The gateway's reason for each line that it refused, by the line's index in the batch. */
export type Refusals = ReadonlyMap<number, string>;

/** Resolves when the gateway has answered for every line. Retries by itself. */
export type Post = (lines: readonly Uint8Array[]) => Promise<Refusals>;

export type RowToSend = { readonly bytes: Uint8Array };
export type SenderOptions<T extends RowToSend> = {
  readonly post: Post;
  readonly batchRowsMax: number;
  readonly batchBytesMax: number;
  readonly inFlightMax: number;
  /** Called once per batch, in the order in which the rows were added. */
  onAcknowledged(rows: readonly T[], refusals: Refusals): void;
};

type InFlightBatch<T> = { readonly rows: readonly T[]; readonly refusals: Promise<Refusals> };

export class OrderedSender<T extends RowToSend> {
  readonly #options: SenderOptions<T>;
  /** Oldest first. */
  readonly #inFlight: InFlightBatch<T>[] = [];
  #rows: T[] = [];
  #bytes = 0;

  constructor(options: SenderOptions<T>) {
    this.#options = options;
  }

  /**
   * Waits while `inFlightMax` batches are in flight. Rejects with the failure of the oldest of
   * them.
   */
  async add(row: T): Promise<void> {
    this.#rows.push(row);
    this.#bytes += row.bytes.byteLength;
    if (
      this.#rows.length >= this.#options.batchRowsMax ||
      this.#bytes >= this.#options.batchBytesMax
    )
      await this.#send();
  }

  /** Resolves when everything added is acknowledged. */
  async flush(): Promise<void> {
    if (this.#rows.length > 0) await this.#send();
    await this.settle();
  }

  /** Waits for the batches in flight. Rows that were not sent yet stay unsent. */
  async settle(): Promise<void> {
    while (this.#inFlight.length > 0) await this.#acknowledgeOldest();
  }

  async #send(): Promise<void> {
    while (this.#inFlight.length >= this.#options.inFlightMax) await this.#acknowledgeOldest();
    const rows = this.#rows;
    this.#rows = [];
    this.#bytes = 0;
    const refusals = this.#options.post(rows.map(({ bytes }) => bytes));
    // It is awaited when its batch is the oldest; until then a failure must not count as unhandled.
    refusals.catch(() => {});
    this.#inFlight.push({ rows, refusals });
  }

  async #acknowledgeOldest(): Promise<void> {
    const [oldest] = this.#inFlight;
    if (oldest === undefined) return;
    const refusals = await oldest.refusals;
    this.#inFlight.shift();
    this.#options.onAcknowledged(oldest.rows, refusals);
  }
}
