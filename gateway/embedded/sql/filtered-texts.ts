// Answers what a search plan asks of the database: texts by one score, and those of their events
// that match one filter.

import type { StatementSync } from 'node:sqlite';
import type { EventFilter, StoredEvent } from '#core/ports.ts';
import type { Candidate, Match, SearchSpace } from '#core/vectors/search-plan.ts';
import { listedCondition } from './catalogue-tables.ts';
import type { Statements } from './database.ts';
import { type Condition, conditionOf, selectiveIndex } from './event-filter.ts';
import {
  joinTexts,
  newestEventFirst,
  type Row,
  selectEvent,
  storedEventOf,
  uuidOf,
} from './stored-rows.ts';

/** Up to this many matching events are read one by one. For more, asking text by text is faster. */
const eventsMax = 5_000;

/** The matching events of one text. */
type EventTally = {
  newestAt: number;
  total: number;
  byType: Record<string, number>;
};

const tallyColumns = 'event_type, count(*) AS count, max(timestamp) AS newest';

/** Finds texts like `SearchSpace.nearest`. */
export type NearestTexts = (
  count: number,
  within: readonly number[] | null,
) => readonly Candidate<number>[];

/**
 * The texts of one search, read within one transaction. Texts are named by their key in the
 * database.
 */
export class FilteredTexts implements SearchSpace<number> {
  readonly #statements: Statements;
  readonly #nearest: NearestTexts;
  readonly #filter: EventFilter;
  readonly #condition: Condition;
  /** Which products of the catalogue match; `null`: none does. */
  readonly #listed: Condition | null;
  readonly #idOfText: StatementSync;
  readonly #newestOfText: StatementSync;
  readonly #tallyOfText: StatementSync;
  /** Events by text; `null` until all matching events were read. */
  #tallies: Map<number, EventTally> | null = null;

  constructor(statements: Statements, nearest: NearestTexts, filter: EventFilter) {
    this.#statements = statements;
    this.#nearest = nearest;
    this.#filter = filter;
    this.#condition = conditionOf(filter);
    this.#listed = listedCondition(filter);
    this.#idOfText = statements.get('SELECT id FROM texts WHERE key = ?');
    this.#newestOfText = statements.get(`
      SELECT timestamp FROM events INDEXED BY events_by_text
      WHERE text = ? AND ${this.#condition.sql} ORDER BY timestamp DESC LIMIT 1`);
    this.#tallyOfText = statements.get(`
      SELECT ${tallyColumns} FROM events INDEXED BY events_by_text
      WHERE text = ? AND ${this.#condition.sql} GROUP BY event_type`);
  }

  async textsOfEvents(max: number): Promise<readonly number[] | null> {
    const isUnbounded = max === Infinity;
    const selective = selectiveIndex(
      this.#statements,
      this.#filter,
      isUnbounded ? Infinity : eventsMax,
    );
    if (selective !== null || isUnbounded) {
      this.#tallies = this.#readTallies(selective?.index ?? null);
      return this.#withListed([...this.#tallies.keys()], max);
    }
    const { categories } = this.#filter;
    const texts =
      categories === undefined ? null : textsOfCategories(this.#statements, categories, max);
    return texts === null ? null : this.#withListed(texts, max);
  }

  /** Adds the texts of the catalogue; `null` when there are then more than `max`. */
  #withListed(texts: readonly number[], max: number): readonly number[] | null {
    if (this.#listed === null) return texts;
    const rows = this.#statements
      .get(
        `SELECT key FROM products JOIN texts ON texts.id = products.text_id
        WHERE ${this.#listed.sql} LIMIT ?`,
      )
      .all(...this.#listed.values, Number.isFinite(max) ? max + 1 : -1);
    const all = new Set([...texts, ...rows.map(({ key }) => Number(key))]);
    return all.size > max ? null : [...all];
  }

  #isListed(textId: Uint8Array): boolean {
    if (this.#listed === null) return false;
    const found = this.#statements
      .get(`SELECT 1 FROM products WHERE text_id = ? AND ${this.#listed.sql} LIMIT 1`)
      .get(textId, ...this.#listed.values);
    return found !== undefined;
  }

  async nearest(
    count: number,
    within: readonly number[] | null,
  ): Promise<readonly Candidate<number>[]> {
    return this.#nearest(count, within);
  }

  async matches(texts: readonly number[]): Promise<readonly (Match | null)[]> {
    return texts.map((text) => {
      const newestAt =
        this.#tallies === null
          ? this.#newestOfText.get(text, ...this.#condition.values)?.['timestamp']
          : this.#tallies.get(text)?.newestAt;
      if (newestAt === undefined && this.#listed === null) return null;
      const textId = this.#idOfText.get(text)?.['id'];
      if (!(textId instanceof Uint8Array)) return null;
      if (newestAt === undefined && !this.#isListed(textId)) return null;
      return { textId: uuidOf(textId), newestAt: Number(newestAt ?? 0) };
    });
  }

  /** `undefined` for a text without a matching event. */
  tallyOf(text: number): EventTally | undefined {
    if (this.#tallies !== null) return this.#tallies.get(text);
    const tallies = new Map<number, EventTally>();
    for (const row of this.#tallyOfText.iterate(text, ...this.#condition.values))
      addToTally(tallies, text, row);
    return tallies.get(text);
  }

  /** The newest matching event of a text, given its timestamp (UTC ms). */
  eventAt(text: number, timestamp: number): StoredEvent | null {
    const row = this.#statements
      .get(
        `${selectEvent} INDEXED BY events_by_text ${joinTexts}
        WHERE events.text = ? AND timestamp = ? AND ${this.#condition.sql}
        ${newestEventFirst} LIMIT 1`,
      )
      .get(text, timestamp, ...this.#condition.values);
    return row === undefined ? null : storedEventOf(row);
  }

  #readTallies(index: string | null): Map<number, EventTally> {
    const from = index === null ? 'events' : `events INDEXED BY ${index}`;
    const rows = this.#statements
      .get(
        `SELECT text, ${tallyColumns} FROM ${from}
        WHERE ${this.#condition.sql} GROUP BY text, event_type`,
      )
      .iterate(...this.#condition.values);
    const tallies = new Map<number, EventTally>();
    for (const row of rows) addToTally(tallies, Number(row['text']), row);
    return tallies;
  }
}

function addToTally(tallies: Map<number, EventTally>, text: number, row: Row): void {
  const tally = tallies.get(text) ?? { newestAt: -Infinity, total: 0, byType: {} };
  tallies.set(text, tally);
  const count = Number(row['count']);
  tally.total += count;
  tally.newestAt = Math.max(tally.newestAt, Number(row['newest']));
  tally.byType[String(row['event_type'])] = count;
}

/**
 * The texts that have events in these categories; `null` when there are more than `max`. Seeks in
 * the index from each text to the next, so the cost grows with the texts and not with their
 * events.
 */
function textsOfCategories(
  statements: Statements,
  categories: readonly string[],
  max: number,
): readonly number[] | null {
  const next = statements.get(`
    SELECT text FROM events INDEXED BY events_by_category
    WHERE category = ? AND text > ? ORDER BY text LIMIT 1`);
  const texts = new Set<number>();
  for (const category of categories) {
    for (
      let row = next.get(category, -1);
      row !== undefined;
      row = next.get(category, Number(row['text']))
    ) {
      texts.add(Number(row['text']));
      if (texts.size > max) return null;
    }
  }
  return [...texts];
}
