// Remembers runners whose vectors were wrong, so that a new connection does not give the same
// runner work at once. The wait grows each time.

import { BoundedMap } from '#core/collections/bounded-map.ts';
import { backoffMs, type Backoff } from '#core/time/retry.ts';

export type QuarantineEntry = {
  readonly reason: string;
  /** UTC ms. */
  readonly until: number;
  /** How often the runner was found wrong. */
  readonly times: number;
};

/** Of a token: a minute for the first time, then twice as long each time, up to a day. */
export const tokenBackoff = { delayMs: 60_000, delayMsMax: 24 * 3_600_000 };
/** Of an address, which honest runners may share. */
export const addressBackoff = { delayMs: 10_000, delayMsMax: 10 * 60_000 };
/** After this long without a fault since its last wait, a runner starts again at the first wait. */
const forgiveMs = 24 * 3_600_000;
const entriesMax = 10_000;

/** Times are UTC ms. When there are too many entries, the one that was added first is dropped. */
export class QuarantineBackoff {
  readonly #entries = new BoundedMap<string, QuarantineEntry>(() => entriesMax);

  add(identity: string, reason: string, now: number, backoff: Backoff): QuarantineEntry {
    const before = this.#entries.get(identity);
    const times = before === undefined || now - before.until > forgiveMs ? 1 : before.times + 1;
    const entry: QuarantineEntry = { reason, times, until: now + backoffMs(backoff, times) };
    this.#entries.set(identity, entry);
    return entry;
  }

  /** The identity was found wrong, and that is not forgiven. */
  has(identity: string, now: number): boolean {
    const entry = this.#entries.get(identity);
    return entry !== undefined && now - entry.until <= forgiveMs;
  }

  /** `null` when this identity may work. */
  find(identity: string, now: number): QuarantineEntry | null {
    const entry = this.#entries.get(identity);
    return entry === undefined || now >= entry.until ? null : entry;
  }
}
