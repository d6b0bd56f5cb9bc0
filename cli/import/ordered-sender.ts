// Sends rows in batches, several at once, and tells of their acknowledgements in the order of the
// file.

import type { Refusals } from '../gateway-client.ts';

/** Resolves when the gateway has answered for every line; repeats by itself what can be repeated. */
export type Post = (lines: readonly Uint8Array[]) => Promise<Refusals>;

export type Sending = { readonly bytes: Uint8Array };
export type SenderOptions<T extends Sending> = {
  readonly post: Post;
  readonly batchRowsMax: number;
  readonly batchBytesMax: number;
  readonly inFlightMax: number;
  /** Called per batch, batches in order. */
  acknowledged(rows: readonly T[], refusals: Refusals): void;
};

type Flight<T> = { readonly rows: readonly T[]; readonly refusals: Promise<Refusals> };

export class OrderedSender<T extends Sending> {
  readonly #options: SenderOptions<T>;
  readonly #flights: Flight<T>[] = [];
  #rows: T[] = [];
  #bytes = 0;

  constructor(options: SenderOptions<T>) {
    this.#options = options;
  }

  /**
   * Waits while `inFlightMax` batches are unanswered. Rejects with the failure of the oldest of
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

  /** Waits for what is under way; what was not sent yet stays unsent. */
  async settle(): Promise<void> {
    while (this.#flights.length > 0) await this.#land();
  }

  async #send(): Promise<void> {
    while (this.#flights.length >= this.#options.inFlightMax) await this.#land();
    const rows = this.#rows;
    this.#rows = [];
    this.#bytes = 0;
    const refusals = this.#options.post(rows.map(({ bytes }) => bytes));
    // Awaited in its turn; until then a failure must not count as unhandled.
    refusals.catch(() => {});
    this.#flights.push({ rows, refusals });
  }

  async #land(): Promise<void> {
    const [flight] = this.#flights;
    if (flight === undefined) return;
    const refusals = await flight.refusals;
    this.#flights.shift();
    this.#options.acknowledged(flight.rows, refusals);
  }
}
