// Remembers which versions of events this gateway has stored lately, so that the sender of an older
// version can be told that it will change nothing.

import { BoundedMap } from '#core/collections/bounded-map.ts';
import type { ProductEvent } from '#core/ports.ts';

type Version = Pick<ProductEvent, 'id' | 'timestamp'>;

/** A few megabytes. */
const versionsMax = 20_000;

export class StoredVersions {
  readonly #newest = new BoundedMap<string, number>(() => versionsMax);

  /** The store has this version of the event, or a newer one. */
  add({ id, timestamp }: Version): void {
    this.#newest.set(id, Math.max(timestamp, this.#newest.get(id) ?? timestamp));
  }

  /** Whether the store surely has this version of the event, or a newer one. */
  covers({ id, timestamp }: Version): boolean {
    return timestamp <= (this.#newest.get(id) ?? Number.NEGATIVE_INFINITY);
  }
}
