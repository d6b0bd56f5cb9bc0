// Finds dead letters by filter, one part of the table at a time, so that a search through many of
// them blocks nothing else.

import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { DeadLetterCursor, DeadLetterQuery } from '#core/ports.ts';
import { Statements } from './database.ts';
import { uuidBytes, uuidText } from './uuid-bytes.ts';

export type DeadLetterPage = {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** Where to continue; `null` when the page is full or every dead letter was searched. */
  readonly next: DeadLetterCursor | null;
};

/**
 * How many dead letters one call compares with a search text: a few milliseconds when they are
 * small, a tenth of a second when all have the largest size.
 */
const searchedMax = 500;

const newestFirst = 'ORDER BY failed_at DESC, id DESC';

/**
 * Pages are newest first. Every filter uses the index on time, so no page is ever sorted.
 *
 * A query with `text` searches at most `searchedMax` dead letters and says in `next` where to
 * continue.
 */
export function deadLetterPage(database: DatabaseSync): (query: DeadLetterQuery) => DeadLetterPage {
  const statements = new Statements(database, 32);
  return (query) => {
    const { text, valueBytesMax, limit } = query;
    const { conditions, values } = conditionsOf(query);
    const from = (): string =>
      'FROM dead_letters INDEXED BY dead_letters_by_time ' +
      `WHERE ${conditions.join(' AND ') || 'true'}`;
    let next: DeadLetterCursor | null = null;
    if (text !== undefined) {
      const last = statements
        .get(`SELECT failed_at, id ${from()} ${newestFirst} LIMIT 1 OFFSET ?`)
        .get(...values, searchedMax - 1);
      if (last !== undefined) {
        next = {
          failedAt: Number(last['failed_at']),
          id: last['id'] instanceof Uint8Array ? uuidText(last['id']) : '',
        };
        conditions.push('(failed_at, id) >= (?, ?)');
        values.push(next.failedAt, uuidBytes(next.id));
      }
      // `lower` changes A to Z only, and leaves bytes that are not UTF-8 as they are.
      conditions.push(
        '(instr(lower(message), lower(?)) > 0 ' +
          'OR instr(lower(CAST(record_value AS TEXT)), lower(?)) > 0)',
      );
      values.push(text, text);
    }
    const sql = `
      SELECT *, substr(record_value, 1, ?) AS record_value,
        coalesce(value_bytes, length(record_value)) AS bytes
      ${from()} ${newestFirst} LIMIT ?`;
    const rows = statements.get(sql).all(valueBytesMax, ...values, limit);
    return { rows, next: rows.length < limit ? next : null };
  };
}

function conditionsOf({ reason, state, since, until, after }: DeadLetterQuery): {
  readonly conditions: string[];
  readonly values: SQLInputValue[];
} {
  const conditions: string[] = [];
  const values: SQLInputValue[] = [];
  const where = (sql: string, ...bound: readonly SQLInputValue[]): void => {
    conditions.push(sql);
    values.push(...bound);
  };
  if (reason !== undefined) where('reason = ?', reason);
  if (state !== undefined) where('state = ?', state);
  if (since !== undefined) where('failed_at >= ?', since);
  if (until !== undefined) where('failed_at <= ?', until);
  if (after !== undefined) where('(failed_at, id) < (?, ?)', after.failedAt, uuidBytes(after.id));
  return { conditions, values };
}

/** Calls `search` until the page is full or every dead letter was searched. */
export async function wholePage<T>(
  query: DeadLetterQuery,
  search: (
    query: DeadLetterQuery,
  ) => Promise<{ readonly items: readonly T[]; readonly next: DeadLetterCursor | null }>,
): Promise<T[]> {
  const found: T[] = [];
  for (let after = query.after; ;) {
    const { items, next } = await search({
      ...query,
      limit: query.limit - found.length,
      ...(after !== undefined && { after }),
    });
    found.push(...items);
    if (next === null) return found;
    after = next;
  }
}
