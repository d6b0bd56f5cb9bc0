// The dead letters' table: a letter once, with the bytes of its record as they came.

import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { assert } from '#core/errors.ts';
import { type DeadLetter, type DeadLetterEntry, type DeadLetterQuery, type DeadLetterReason, deadLetterReasons, type DeadLetterState } from '#core/ports.ts';
import { Statements } from './database.ts';
import { type PackedRecord, packRecords, unpackRecords } from './record-codec.ts';
import { uuidBytes, uuidText } from './uuid-bytes.ts';

type RecordFields = 'key' | 'value' | 'headers' | 'timestamp';

/** Letters without their records, which travel packed beside them, in the same order. */
export type LetterRow = Omit<DeadLetter, RecordFields>;
export type EntryRow = Omit<DeadLetterEntry, RecordFields>;
export type Letters = { readonly rows: readonly EntryRow[]; readonly packed: Uint8Array };
export type LetterStats = { readonly byState: Readonly<Record<DeadLetterState, number>>; readonly byReason: Readonly<Partial<Record<DeadLetterReason, number>>> };

/** The table and its indices, on a database that has none. */
export const lettersSchema = `
  CREATE TABLE dead_letters (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    failed_at INTEGER NOT NULL,
    message TEXT NOT NULL,
    field TEXT,
    event_id TEXT,
    attempts INTEGER NOT NULL,
    runner TEXT,
    origin_topic TEXT NOT NULL,
    origin_partition INTEGER NOT NULL,
    origin_offset INTEGER NOT NULL,
    timestamp REAL NOT NULL,
    record_key BLOB,
    record_headers BLOB NOT NULL,
    record_value BLOB NOT NULL
  );
  CREATE INDEX dead_letters_by_time ON dead_letters (failed_at, id);
  CREATE INDEX dead_letters_by_state ON dead_letters (state, reason);
`;

export type LetterWrites = { putLetters(letters: { readonly rows: readonly LetterRow[]; readonly packed: Uint8Array }): void };
export type LetterReads = {
  listLetters(query: DeadLetterQuery): Letters;
  getLetter(id: string): Letters;
  letterStats(): LetterStats;
};

export function createLetterWrites(database: DatabaseSync): LetterWrites {
  const insert = database.prepare(`
    INSERT INTO dead_letters (id, state, reason, failed_at, message, field, event_id, attempts, runner,
      origin_topic, origin_partition, origin_offset, timestamp, record_key, record_headers, record_value)
    VALUES (?, 'open', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`);
  return {
    putLetters({ rows, packed }) {
      const records = unpackRecords(packed);
      for (const [index, { id, origin, reason, message, field, eventId, failedAt, attempts, runner }] of rows.entries()) {
        const record = records[index];
        if (record === undefined) continue;
        insert.run(
          uuidBytes(id), reason, failedAt, message, field, eventId, attempts, runner,
          origin.topic, origin.partition, origin.offset, record.timestamp, record.key, record.headers, record.value,
        );
      }
    },
  };
}

export function createLetterReads(database: DatabaseSync): LetterReads {
  const statements = new Statements(database, 16);
  const byId = database.prepare('SELECT * FROM dead_letters WHERE id = ?');
  const counts = database.prepare('SELECT state, reason, count(*) AS count FROM dead_letters GROUP BY state, reason');
  return {
    listLetters({ reason, state, since, until, limit, after }) {
      const conditions: string[] = [];
      const values: SQLInputValue[] = [];
      const where = (sql: string, ...bound: readonly SQLInputValue[]) => {
        conditions.push(sql);
        values.push(...bound);
      };
      if (reason !== undefined) where('reason = ?', reason);
      if (state !== undefined) where('state = ?', state);
      if (since !== undefined) where('failed_at >= ?', since);
      if (until !== undefined) where('failed_at <= ?', until);
      if (after !== undefined) where('(failed_at, id) < (?, ?)', after.failedAt, uuidBytes(after.id));
      const sql = `SELECT * FROM dead_letters INDEXED BY dead_letters_by_time WHERE ${conditions.join(' AND ') || 'true'} ORDER BY failed_at DESC, id DESC LIMIT ?`;
      return lettersOf(statements.get(sql).all(...values, limit));
    },

    getLetter(id) {
      const key = uuidBytes(id);
      return lettersOf(key === null ? [] : byId.all(key));
    },

    letterStats() {
      const byState: Record<DeadLetterState, number> = { open: 0, replayed: 0, purged: 0 };
      const byReason: Partial<Record<DeadLetterReason, number>> = {};
      for (const row of counts.all()) {
        const state = stateOf(row['state']);
        const reason = reasonOf(row['reason']);
        byState[state] += Number(row['count']);
        byReason[reason] = (byReason[reason] ?? 0) + Number(row['count']);
      }
      return { byState, byReason };
    },
  };
}

type Row = Readonly<Record<string, unknown>>;

function lettersOf(rows: readonly Row[]): Letters {
  return { rows: rows.map(entryOf), packed: packRecords(rows.map(recordOf)) };
}

function entryOf(row: Row): EntryRow {
  return {
    id: uuidText(bytesOf(row['id'])),
    state: stateOf(row['state']),
    reason: reasonOf(row['reason']),
    origin: { topic: String(row['origin_topic']), partition: Number(row['origin_partition']), offset: Number(row['origin_offset']) },
    message: String(row['message']),
    field: textOrNull(row['field']),
    eventId: textOrNull(row['event_id']),
    failedAt: Number(row['failed_at']),
    attempts: Number(row['attempts']),
    runner: textOrNull(row['runner']),
  };
}

function recordOf(row: Row): PackedRecord {
  const key = row['record_key'];
  return {
    timestamp: Number(row['timestamp']),
    key: key instanceof Uint8Array ? key : null,
    headers: bytesOf(row['record_headers']),
    value: bytesOf(row['record_value']),
  };
}

function bytesOf(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array(0);
}

function stateOf(value: unknown): DeadLetterState {
  return value === 'replayed' || value === 'purged' ? value : 'open';
}

function reasonOf(value: unknown): DeadLetterReason {
  const reason = deadLetterReasons.find((known) => known === value);
  assert(reason !== undefined, `A dead letter is stored with the reason ${String(value)}`);
  return reason;
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
