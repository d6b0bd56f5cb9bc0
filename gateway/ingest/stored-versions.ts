// Remembers which versions of events this gateway has stored lately, so that the sender of an older
// version can be told that it will change nothing.

import type { ProductEvent } from '#core/ports.ts';

type Version = Pick<ProductEvent, 'id' | 'timestamp'>;

/** Twice as many take a few megabytes. */
const versionsMax = 10_000;

export class StoredVersions {
  /** A full map becomes the earlier one: dropping single events would take longer than adding. */
  #latest = new Map<string, number>();
  #earlier = new Map<string, number>();

  /** The store has this version of the event, or a newer one. */
  add({ id, timestamp }: Version): void {
    if (this.#latest.size >= versionsMax) {
      this.#earlier = this.#latest;
      this.#latest = new Map();
    }
    this.#latest.set(id, Math.max(timestamp, this.#newestOf(id) ?? timestamp));
  }

  /** Whether the store surely has this version of the event, or a newer one. */
  covers({ id, timestamp }: Version): boolean {
    return timestamp <= (this.#newestOf(id) ?? Number.NEGATIVE_INFINITY);
  }

  #newestOf(id: string): number | undefined {
    return this.#latest.get(id) ?? this.#earlier.get(id);
  }
}
