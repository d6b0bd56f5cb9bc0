// Counts what each client uses against budgets that fill again steadily; remembers a bounded number
// of clients.

export type Use = {
  readonly ok: boolean;
  /** Whole units left, never below 0. */
  readonly left: number;
  /** Seconds until the bucket is full. */
  readonly fullInS: number;
  /** Seconds until one unit is there again; 0 while one is. */
  readonly oneInS: number;
};

type Bucket = { units: number; at: number };

/**
 * A bucket holds what may be used in a minute and fills at that rate. Whoever finds at least one
 * unit may use any number, and then owes: the cost of a body is known only when it was read. `now`
 * is monotonic ms.
 */
export class TokenBuckets {
  readonly #clientsMax: () => number;
  /** In order of last use. A client that was forgotten begins with a full bucket. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(clientsMax: () => number) {
    this.#clientsMax = clientsMax;
  }

  /** Takes `cost` when at least one unit is left. */
  use(client: string, perMinute: number, cost: number, now: number): Use {
    const bucket = this.#filled(client, perMinute, now);
    const ok = bucket.units >= 1;
    if (ok) bucket.units -= cost;
    this.#remember(client, bucket);
    return seen(bucket, perMinute, ok);
  }

  /**
   * Takes `cost` from what was used already: the bucket may owe afterwards, a minute's worth at
   * most.
   */
  charge(client: string, perMinute: number, cost: number, now: number): void {
    const bucket = this.#filled(client, perMinute, now);
    bucket.units = Math.max(-perMinute, bucket.units - cost);
    this.#remember(client, bucket);
  }

  /** As `use`, without using anything. */
  look(client: string, perMinute: number, now: number): Use {
    const bucket = this.#filled(client, perMinute, now);
    return seen(bucket, perMinute, bucket.units >= 1);
  }

  get size(): number {
    return this.#buckets.size;
  }

  #filled(client: string, perMinute: number, now: number): Bucket {
    const bucket = this.#buckets.get(client) ?? { units: perMinute, at: now };
    const units = Math.min(perMinute, bucket.units + ((now - bucket.at) * perMinute) / minuteMs);
    return { units, at: now };
  }

  #remember(client: string, bucket: Bucket): void {
    this.#buckets.delete(client);
    this.#buckets.set(client, bucket);
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= this.#clientsMax()) break;
      this.#buckets.delete(oldest);
    }
  }
}

const minuteMs = 60_000;

function seen({ units }: Bucket, perMinute: number, ok: boolean): Use {
  const secondsFor = (missing: number): number =>
    Math.max(0, Math.ceil((missing * 60) / perMinute));
  return {
    ok,
    left: Math.max(0, Math.floor(units)),
    fullInS: secondsFor(perMinute - units),
    oneInS: secondsFor(1 - units),
  };
}
