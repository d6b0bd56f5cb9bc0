// Counts matching events by one of their fields, in one pass over the index that holds the fewest
// of them.

import type { Count, CountsRequest } from '#core/ports.ts';
import type { Statements } from './database.ts';
import { conditionOf, eventProduct, selectiveIndex } from './event-filter.ts';
import { uuidText } from './uuid-bytes.ts';

/**
 * Up to this many events are read one by one. For more, one pass over the index that holds every
 * counted field is faster.
 */
const eventsMax = 50_000;

const columns = {
  textId: 'text',
  category: 'category',
  eventType: 'event_type',
  productId: eventProduct,
} as const;

export function countEvents(
  statements: Statements,
  { by, filter, limit }: CountsRequest,
): readonly Count[] {
  const condition = conditionOf(filter);
  const index = selectiveIndex(statements, filter, eventsMax)?.index ?? wholeIndex(by);
  const column = columns[by];
  const groups = `
    SELECT ${column} AS value, count(*) AS count FROM events INDEXED BY ${index}
    WHERE ${condition.sql} AND ${column} IS NOT NULL GROUP BY 1`;
  const named =
    by === 'textId'
      ? `SELECT texts.id AS value, count FROM (${groups}) JOIN texts ON texts.key = value`
      : groups;
  return statements
    .get(`${named} ORDER BY count DESC, value LIMIT ?`)
    .all(...condition.values, limit)
    .map(({ value, count }) => ({
      value: value instanceof Uint8Array ? uuidText(value) : String(value),
      count: Number(count),
    }));
}

/** The index that serves a count of all events. */
const wholeIndex = (by: CountsRequest['by']): string =>
  by === 'productId' ? 'events_by_product' : 'events_by_text';
