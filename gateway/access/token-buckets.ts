// Token buckets that limit how much each client uses per minute, for a bounded number of clients.

import { BoundedMap } from '#core/collections/bounded-map.ts';

export type Use = {
  readonly ok: boolean;
  /** Whole units left, never below 0. */
  readonly left: number;
  /** Seconds until the bucket is full. */
  readonly fullInS: number;
  /** Seconds until one unit is available; 0 if one is available now. */
  readonly oneInS: number;
};

type Bucket = { units: number; at: number };

/**
 * A bucket holds one minute's budget and refills at that rate. A client with at least one unit may
 * use any number of units and then owes the rest, because the cost of a body is known only after it
 * was read. `now` is monotonic ms.
 */
export class TokenBuckets {
  /** Buckets in order of last use. A client that was dropped starts with a full bucket. */
  readonly #buckets: BoundedMap<string, Bucket>;

  constructor(clientsMax: () => number) {
    this.#buckets = new BoundedMap(clientsMax);
  }

  /** Takes `cost` if at least one unit is left. */
  use(client: string, perMinute: number, cost: number, now: number): Use {
    const bucket = this.#filled(client, perMinute, now);
    const ok = bucket.units >= 1;
    if (ok) bucket.units -= cost;
    this.#buckets.set(client, bucket);
    return useOf(bucket, perMinute, ok);
  }

  /** Takes `cost` in any case: afterwards the client may owe up to one minute's budget. */
  charge(client: string, perMinute: number, cost: number, now: number): void {
    const bucket = this.#filled(client, perMinute, now);
    bucket.units = Math.max(-perMinute, bucket.units - cost);
    this.#buckets.set(client, bucket);
  }

  get size(): number {
    return this.#buckets.size;
  }

  #filled(client: string, perMinute: number, now: number): Bucket {
    const bucket = this.#buckets.get(client) ?? { units: perMinute, at: now };
    const units = Math.min(perMinute, bucket.units + ((now - bucket.at) * perMinute) / minuteMs);
    return { units, at: now };
  }
}

const minuteMs = 60_000;

function useOf({ units }: Bucket, perMinute: number, ok: boolean): Use {
  const secondsFor = (missing: number): number =>
    Math.max(0, Math.ceil((missing * 60) / perMinute));
  return {
    ok,
    left: Math.max(0, Math.floor(units)),
    fullInS: secondsFor(perMinute - units),
    oneInS: secondsFor(1 - units),
  };
}
