// Records since when a text has had neither an event nor a product in the catalogue. Retention
// deletes the text some time after that.

import type { DatabaseSync } from 'node:sqlite';

export class TextReferences {
  readonly #hasEvents;
  readonly #hasProduct;
  readonly #setSince;

  constructor(database: DatabaseSync) {
    this.#hasEvents = database.prepare(
      'SELECT 1 FROM events INDEXED BY events_by_text WHERE text = ? LIMIT 1',
    );
    this.#hasProduct = database.prepare(`
      SELECT 1 FROM products INDEXED BY products_by_text
      WHERE text_id = (SELECT id FROM texts WHERE key = ?) AND text_id IS NOT NULL LIMIT 1`);
    this.#setSince = database.prepare('UPDATE texts SET unreferenced_since = ? WHERE key = ?');
  }

  /** `since`: UTC ms; `null` for a text that has an event or a product. */
  setUnreferenced(text: number, since: number | null): void {
    this.#setSince.run(since, text);
  }

  /** Starts the grace period of a text if nothing refers to it, and ends it otherwise. */
  checkReferences(text: number, now: number): void {
    const refers = this.#hasEvents.get(text) ?? this.#hasProduct.get(text);
    this.setUnreferenced(text, refers === undefined ? now : null);
  }
}
