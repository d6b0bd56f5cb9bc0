// Records since when a text has had no event. Retention deletes the text some time after that.

import type { DatabaseSync } from 'node:sqlite';

export class TextReferences {
  readonly #hasEvents;
  readonly #setSince;

  constructor(database: DatabaseSync) {
    this.#hasEvents = database.prepare(
      'SELECT 1 FROM events INDEXED BY events_by_text WHERE text = ? LIMIT 1',
    );
    this.#setSince = database.prepare('UPDATE texts SET unreferenced_since = ? WHERE key = ?');
  }

  /** `since`: UTC ms; `null` for a text that has an event. */
  setUnreferenced(text: number, since: number | null): void {
    this.#setSince.run(since, text);
  }

  /** Starts the grace period of a text if it has no event. */
  checkReferences(text: number, now: number): void {
    if (this.#hasEvents.get(text) === undefined) this.setUnreferenced(text, now);
  }
}
