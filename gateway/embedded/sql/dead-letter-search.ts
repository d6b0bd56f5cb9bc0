// Finds dead letters by filter, a part of the table at a time, so that a search through many of
// them holds up nothing else.

import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { DeadLetterCursor, DeadLetterQuery } from '#core/ports.ts';
import { Statements } from './database.ts';
import { uuidBytes, uuidText } from './uuid-bytes.ts';

export type DeadLetterPage = {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** Where to go on looking; `null` when all letters were looked at, or enough were found. */
  readonly next: DeadLetterCursor | null;
};

/**
 * Letters whose text is compared in one go: a few milliseconds when they are small, a tenth of a
 * second when all are of the largest size.
 */
const searchedMax = 500;

/** Newest first, by the index on time whatever else is asked: a page of it is never sorted. */
export function deadLetterPage(database: DatabaseSync): (query: DeadLetterQuery) => DeadLetterPage {
  const statements = new Statements(database, 32);
  const order = 'ORDER BY failed_at DESC, id DESC';
  return ({ reason, state, since, until, text, valueBytesMax, limit, after }) => {
    const conditions: string[] = [];
    const values: SQLInputValue[] = [];
    const where = (sql: string, ...bound: readonly SQLInputValue[]): void => {
      conditions.push(sql);
      values.push(...bound);
    };
    const from = (): string =>
      `FROM dead_letters INDEXED BY dead_letters_by_time WHERE ${conditions.join(' AND ') || 'true'}`;
    if (reason !== undefined) where('reason = ?', reason);
    if (state !== undefined) where('state = ?', state);
    if (since !== undefined) where('failed_at >= ?', since);
    if (until !== undefined) where('failed_at <= ?', until);
    if (after !== undefined) where('(failed_at, id) < (?, ?)', after.failedAt, uuidBytes(after.id));
    let next: DeadLetterCursor | null = null;
    if (text !== undefined) {
      const last = statements
        .get(`SELECT failed_at, id ${from()} ${order} LIMIT 1 OFFSET ?`)
        .get(...values, searchedMax - 1);
      if (last !== undefined) {
        next = {
          failedAt: Number(last['failed_at']),
          id: last['id'] instanceof Uint8Array ? uuidText(last['id']) : '',
        };
        where('(failed_at, id) >= (?, ?)', next.failedAt, uuidBytes(next.id));
      }
      // `lower` knows A to Z only, and leaves bytes that are not UTF-8 as they are.
      where(
        '(instr(lower(message), lower(?)) > 0 OR instr(lower(CAST(record_value AS TEXT)), lower(?)) > 0)',
        text,
        text,
      );
    }
    const sql = `SELECT *, substr(record_value, 1, ?) AS record_value, coalesce(value_bytes, length(record_value)) AS bytes ${from()} ${order} LIMIT ?`;
    const rows = statements.get(sql).all(valueBytesMax, ...values, limit);
    return { rows, next: rows.length < limit ? next : null };
  };
}

/** The whole page, from as many portions as it takes. */
export async function wholePage<T>(
  query: DeadLetterQuery,
  portion: (
    query: DeadLetterQuery,
  ) => Promise<{ readonly items: readonly T[]; readonly next: DeadLetterCursor | null }>,
): Promise<T[]> {
  const found: T[] = [];
  for (let after = query.after; ;) {
    const { items, next } = await portion({
      ...query,
      limit: query.limit - found.length,
      ...(after !== undefined && { after }),
    });
    found.push(...items);
    if (next === null) return found;
    after = next;
  }
}
