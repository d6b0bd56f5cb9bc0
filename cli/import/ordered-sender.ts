// Sends rows in batches, several at once, and tells of their acknowledgements in the order of the file.

export type PostReply = { readonly items: readonly { readonly index: number; readonly status: string; readonly error?: unknown }[] };
/** Resolves when the gateway has answered for every line; repeats by itself what can be repeated. */
export type Post = (lines: readonly Uint8Array[]) => Promise<PostReply>;

export type Sending = { readonly bytes: Uint8Array };
export type SenderOptions<T extends Sending> = {
  readonly post: Post;
  readonly batchRowsMax: number;
  readonly batchBytesMax: number;
  readonly inFlightMax: number;
  /** Called per batch, batches in order; `refusals` holds the gateway's own words by row. */
  acknowledged(rows: readonly T[], refusals: ReadonlyMap<number, string>): void;
};

type Flight<T> = { readonly rows: readonly T[]; readonly reply: Promise<PostReply> };

export class OrderedSender<T extends Sending> {
  readonly #options: SenderOptions<T>;
  readonly #flights: Flight<T>[] = [];
  #rows: T[] = [];
  #bytes = 0;

  constructor(options: SenderOptions<T>) {
    this.#options = options;
  }

  /** Waits while `inFlightMax` batches are unanswered. Rejects with the failure of the oldest of them. */
  async add(row: T): Promise<void> {
    this.#rows.push(row);
    this.#bytes += row.bytes.byteLength;
    if (this.#rows.length >= this.#options.batchRowsMax || this.#bytes >= this.#options.batchBytesMax) await this.#send();
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
    const reply = this.#options.post(rows.map(({ bytes }) => bytes));
    // Awaited in its turn; until then a failure must not count as unhandled.
    reply.catch(() => {});
    this.#flights.push({ rows, reply });
  }

  async #land(): Promise<void> {
    const [flight] = this.#flights;
    if (flight === undefined) return;
    const { items } = await flight.reply;
    this.#flights.shift();
    const refusals = new Map(items.filter(({ status }) => status === 'rejected').map(({ index, error }) => [index, wordsOf(error)]));
    this.#options.acknowledged(flight.rows, refusals);
  }
}

function wordsOf(error: unknown): string {
  if (typeof error === 'string') return error;
  if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message);
  return error === undefined ? 'no reason given' : JSON.stringify(error);
}
