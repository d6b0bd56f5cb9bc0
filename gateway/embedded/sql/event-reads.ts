// Reads events by id and by filter, and counts them.

import type { DatabaseSync } from 'node:sqlite';
import type { Count, CountsRequest, EventFilter, StoreCounts, StoredEvent } from '#core/ports.ts';
import { countEvents } from './count-events.ts';
import type { Statements } from './database.ts';
import { conditionOf, selectiveIndex } from './event-filter.ts';
import { joinTexts, newestEventFirst, selectEvent, storedEventOf } from './stored-rows.ts';
import { uuidBytes } from './uuid-bytes.ts';

type EventPage = {
  readonly filter: EventFilter;
  readonly limit: number;
  /** The last event of the page before; `null` for the first page. */
  readonly after: { readonly timestamp: number; readonly id: string } | null;
};

export type EventReads = {
  /** Newest first (timestamp, then id). */
  events(page: EventPage): readonly StoredEvent[];
  event(id: string): StoredEvent | null;
  countsBy(request: CountsRequest): readonly Count[];
  counts(): StoreCounts;
};

/** Up to this many matching events are all found and sorted. More are read in order of time. */
const sortedMax = 5_000;

export function createEventReads(database: DatabaseSync, statements: Statements): EventReads {
  const eventById = database.prepare(`${selectEvent} ${joinTexts} WHERE events.id = ?`);
  const totalOf = database.prepare('SELECT count FROM totals WHERE name = ?');

  return {
    events({ filter, limit, after }) {
      const condition = conditionOf(filter);
      const id = after === null ? null : uuidBytes(after.id);
      const page =
        after === null || id === null
          ? { sql: 'true', values: [] }
          : { sql: '(timestamp, events.id) < (?, ?)', values: [after.timestamp, id] };
      const index = selectiveIndex(statements, filter, sortedMax)?.index ?? 'events_by_time';
      return statements
        .get(
          `${selectEvent} INDEXED BY ${index} ${joinTexts}
          WHERE ${condition.sql} AND ${page.sql} ${newestEventFirst} LIMIT ?`,
        )
        .all(...condition.values, ...page.values, limit)
        .map(storedEventOf);
    },

    event(id) {
      const key = uuidBytes(id);
      const row = key === null ? undefined : eventById.get(key);
      return row === undefined ? null : storedEventOf(row);
    },

    countsBy: (request) => countEvents(statements, request),

    counts() {
      return {
        texts: Number(totalOf.get('texts')?.['count']),
        events: Number(totalOf.get('events')?.['count']),
      };
    },
  };
}
