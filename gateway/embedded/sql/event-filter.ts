// Turns a filter on events into SQL: one condition for each member, so that a search can pick the
// condition that an index serves.

import type { SQLInputValue } from 'node:sqlite';
import type { EventFilter } from '#core/ports.ts';
import type { Statements } from './database.ts';

/** The product of an event, in the words of the indexes on it. */
export const eventProduct = "json_extract(payload, '$.product.id')";

export type Condition = { readonly sql: string; readonly values: readonly SQLInputValue[] };

/** A condition and the index that finds its events. */
type IndexedCondition = { readonly index: string; readonly condition: Condition };

/** `index` is `null` when no index serves the condition. */
type Part = Condition & { readonly index: string | null };

/** A condition on the table `events`; its SQL is `true` for an empty filter. */
export function conditionOf(filter: EventFilter): Condition {
  const parts = partsOf(filter);
  return {
    sql: parts.map(({ sql }) => sql).join(' AND ') || 'true',
    values: parts.flatMap(({ values }) => values),
  };
}

/**
 * The first condition of the filter that at most `eventsMax` events match, with its index; `null`
 * when there is none. Counting stops after `eventsMax` events.
 */
export function selectiveIndex(
  statements: Statements,
  filter: EventFilter,
  eventsMax: number,
): IndexedCondition | null {
  for (const { index, ...condition } of partsOf(filter)) {
    if (index === null) continue;
    const count = statements.get(`
      SELECT count(*) AS count FROM (
        SELECT 1 FROM events INDEXED BY ${index} WHERE ${condition.sql} LIMIT ?)`);
    const limit = Number.isFinite(eventsMax) ? eventsMax + 1 : -1;
    if (Number(count.get(...condition.values, limit)?.['count']) <= eventsMax)
      return { index, condition };
  }
  return null;
}

/** Conditions that usually match the fewest events come first. */
function partsOf(filter: EventFilter): readonly Part[] {
  const {
    sessionId,
    userId,
    productId,
    textIds,
    categories,
    eventTypes,
    priceMin,
    priceMax,
    since,
    until,
  } = filter;
  const parts: Part[] = [];
  if (sessionId !== undefined)
    parts.push({ index: 'events_by_session', sql: 'session_id = ?', values: [sessionId] });
  if (userId !== undefined)
    parts.push({ index: 'events_by_user', sql: 'user_id = ?', values: [userId] });
  if (productId !== undefined) {
    // Several products with equal descriptions share one text: the payload tells them apart.
    const own = 'events.text IN (SELECT text FROM product_texts WHERE product = ?)';
    parts.push({
      index: 'events_by_text',
      sql: `${own} AND ${eventProduct} = ?`,
      values: [productId, productId],
    });
  }
  if (since !== undefined || until !== undefined) {
    parts.push({
      index: 'events_by_time',
      sql: 'timestamp BETWEEN ? AND ?',
      values: [since ?? Number.MIN_SAFE_INTEGER, until ?? Number.MAX_SAFE_INTEGER],
    });
  }
  if (textIds !== undefined) {
    const keys = "SELECT key FROM texts WHERE id IN (SELECT unhex(value, '-') FROM json_each(?))";
    parts.push({
      index: 'events_by_text',
      sql: `events.text IN (${keys})`,
      values: [JSON.stringify(textIds)],
    });
  }
  if (categories !== undefined)
    parts.push({
      index: 'events_by_category',
      sql: `category IN ${jsonList}`,
      values: [JSON.stringify(categories)],
    });
  if (eventTypes !== undefined)
    parts.push({
      index: null,
      sql: `event_type IN ${jsonList}`,
      values: [JSON.stringify(eventTypes)],
    });
  if (priceMin !== undefined) parts.push({ index: null, sql: 'price >= ?', values: [priceMin] });
  if (priceMax !== undefined) parts.push({ index: null, sql: 'price <= ?', values: [priceMax] });
  return parts;
}

/** The values of a JSON array that is bound to the parameter. */
const jsonList = '(SELECT value FROM json_each(?))';
