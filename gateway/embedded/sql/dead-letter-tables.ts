// Stores each dead letter once, with the unchanged bytes of its record.

import type { DatabaseSync } from 'node:sqlite';
import { at } from '#core/errors/assert.ts';
import { deadLetterIdOfPosition } from '#core/event/dead-letter-id.ts';
import {
  type DeadLetter,
  type DeadLetterEntry,
  type DeadLetterQuery,
  type DeadLetterReason,
  deadLetterReasons,
  type DeadLetterState,
  deadLetterStates,
  type DeadLetterStatus,
  openStatus,
} from '#core/ports.ts';
import {
  type PackedRecord,
  packRecords,
  unpackLogRecords,
  unpackRecords,
} from '../record-codec.ts';
import { type DeadLetterPage, deadLetterPage } from './dead-letter-search.ts';
import { damagedValue, storedJson } from './sqlite-errors.ts';
import { uuidBytes, uuidText } from './uuid-bytes.ts';

type RecordFields = 'key' | 'value' | 'headers' | 'timestamp';

/** A dead letter without its record. Records travel packed beside the rows, in the same order. */
type DeadLetterRow = Omit<DeadLetter, RecordFields> & Pick<DeadLetterEntry, 'valueBytes'>;
export type StatusChange = { readonly id: string; readonly status: DeadLetterStatus };
type EntryRow = Omit<DeadLetterEntry, RecordFields>;
export type PackedDeadLetters = { readonly rows: readonly EntryRow[]; readonly packed: Uint8Array };
export type DeadLetterStats = {
  readonly byState: Readonly<Record<DeadLetterState, number>>;
  readonly byReason: Readonly<Partial<Record<DeadLetterReason, number>>>;
  readonly openByReason: Readonly<Partial<Record<DeadLetterReason, number>>>;
  readonly oldestOpenAt: number | null;
};

/**
 * Columns of the second version of the schema: the status (JSON; `NULL` for a new dead letter), and
 * the size of the original value (`NULL` when the whole value is stored).
 */
const deadLettersColumns2 = ['status TEXT', 'value_bytes INTEGER'] as const;
export const deadLettersUpgrade2 = deadLettersColumns2
  .map((column) => `ALTER TABLE dead_letters ADD COLUMN ${column};`)
  .join(' ');

/** Creates the table and its indexes in a new database. */
export const deadLettersSchema = `
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
    record_value BLOB NOT NULL,
    ${deadLettersColumns2.join(', ')}
  );
  CREATE INDEX dead_letters_by_time ON dead_letters (failed_at, id);
  CREATE INDEX dead_letters_by_state ON dead_letters (state, reason);
`;

export type DeadLetterWrites = {
  putDeadLetters(deadLetters: {
    readonly rows: readonly DeadLetterRow[];
    readonly packed: Uint8Array;
  }): void;
  setDeadLetterStatus(changes: readonly StatusChange[]): void;
  eraseDeadLetters(ids: readonly string[]): void;
};
export type DeadLetterReads = {
  /** A search by text covers a part of the table, and says in `next` where to continue. */
  listDeadLetters(query: DeadLetterQuery): PackedDeadLetters & Pick<DeadLetterPage, 'next'>;
  getDeadLetter(id: string): PackedDeadLetters;
  deadLetterStats(): DeadLetterStats;
};

/** Whether a dead letter is stored under the id of an earlier version, see `DeadLetters.put`. */
export function createOlderLookup(
  database: DatabaseSync,
): (origin: DeadLetter['origin'], record: Omit<PackedRecord, 'headers'>) => boolean {
  const byPlace = database.prepare(`SELECT 1 FROM dead_letters
    WHERE id = ? AND timestamp = ? AND record_key IS ? AND record_value = ?`);
  return (origin, { timestamp, key, value }) =>
    byPlace.get(uuidBytes(deadLetterIdOfPosition(origin)), timestamp, key, value) !== undefined;
}

/** @param mayHoldOlder whether dead letters of an earlier version may be stored */
export function createDeadLetterWrites(
  database: DatabaseSync,
  mayHoldOlder: () => boolean,
): DeadLetterWrites {
  const isStoredAsOlder = createOlderLookup(database);
  const insert = database.prepare(`
    INSERT INTO dead_letters (id, state, reason, failed_at, message, field, event_id, attempts,
      runner, origin_topic, origin_partition, origin_offset, timestamp, record_key, record_headers,
      record_value, value_bytes)
    VALUES (?, 'open', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO NOTHING`);
  const setStatus = database.prepare('UPDATE dead_letters SET state = ?, status = ? WHERE id = ?');
  const dropRecord = database.prepare(`
    UPDATE dead_letters SET value_bytes = coalesce(value_bytes, length(record_value)),
      record_key = NULL, record_headers = x'', record_value = x'' WHERE id = ?`);
  const erase = database.prepare('DELETE FROM dead_letters WHERE id = ?');
  return {
    putDeadLetters({ rows, packed }) {
      const records = unpackRecords(packed);
      for (const [
        index,
        { id, origin, reason, message, field, eventId, failedAt, attempts, runner, valueBytes },
      ] of rows.entries()) {
        const record = at(records, index);
        if (mayHoldOlder() && isStoredAsOlder(origin, record)) continue;
        insert.run(
          uuidBytes(id),
          reason,
          failedAt,
          message,
          field,
          eventId,
          attempts,
          runner,
          origin.topic,
          origin.partition,
          origin.offset,
          record.timestamp,
          record.key,
          record.headers,
          record.value,
          valueBytes === record.value.length ? null : valueBytes,
        );
      }
    },

    setDeadLetterStatus(changes) {
      for (const { id, status } of changes) {
        const key = uuidBytes(id);
        if (key === null) continue;
        setStatus.run(status.state, JSON.stringify(status), key);
        if (status.state === 'purged') dropRecord.run(key);
      }
    },

    eraseDeadLetters(ids) {
      for (const id of ids) erase.run(uuidBytes(id));
    },
  };
}

export function createDeadLetterReads(database: DatabaseSync): DeadLetterReads {
  const findPage = deadLetterPage(database);
  const byId = database.prepare(`
    SELECT *, coalesce(value_bytes, length(record_value)) AS bytes
    FROM dead_letters WHERE id = ?`);
  const counts = database.prepare(
    'SELECT state, reason, count(*) AS count FROM dead_letters GROUP BY state, reason',
  );
  // The + keeps SQLite from collecting all open ones by their index and sorting them.
  const oldestOpen = database.prepare(
    "SELECT failed_at FROM dead_letters WHERE +state = 'open' ORDER BY failed_at, id LIMIT 1",
  );
  return {
    listDeadLetters(query) {
      const { rows, next } = findPage(query);
      return { ...packedOf(rows), next };
    },

    getDeadLetter(id) {
      const key = uuidBytes(id);
      return packedOf(key === null ? [] : byId.all(key));
    },

    deadLetterStats() {
      const byState: Record<DeadLetterState, number> = { open: 0, replayed: 0, purged: 0 };
      const byReason: Partial<Record<DeadLetterReason, number>> = {};
      const openByReason: Partial<Record<DeadLetterReason, number>> = {};
      for (const row of counts.all()) {
        const state = stateOf(row['state']);
        const reason = reasonOf(row['reason']);
        const count = Number(row['count']);
        byState[state] += count;
        byReason[reason] = (byReason[reason] ?? 0) + count;
        if (state === 'open') openByReason[reason] = count;
      }
      const oldest = oldestOpen.get()?.['failed_at'];
      const oldestOpenAt = oldest === undefined ? null : Number(oldest);
      return { byState, byReason, openByReason, oldestOpenAt };
    },
  };
}

/** The dead letters that `DeadLetterReads` answered with. */
export function unpackDeadLetters({ rows, packed }: PackedDeadLetters): DeadLetterEntry[] {
  return unpackLogRecords(packed).map((record, index) => ({ ...at(rows, index), ...record }));
}

type Row = Readonly<Record<string, unknown>>;

function packedOf(rows: readonly Row[]): PackedDeadLetters {
  return { rows: rows.map(entryOf), packed: packRecords(rows.map(recordOf)) };
}

function entryOf(row: Row): EntryRow {
  return {
    id: uuidText(bytesOf(row['id'])),
    ...statusOf(row),
    valueBytes: Number(row['bytes']),
    reason: reasonOf(row['reason']),
    origin: {
      topic: String(row['origin_topic']),
      partition: Number(row['origin_partition']),
      offset: Number(row['origin_offset']),
    },
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
  return deadLetterStates.find((state) => state === value) ?? 'open';
}

function statusOf({ status, state }: Row): DeadLetterStatus {
  return typeof status === 'string'
    ? {
        ...openStatus,
        ...storedJson(status, 'the status of a dead letter'),
      }
    : { ...openStatus, state: stateOf(state) };
}

function reasonOf(value: unknown): DeadLetterReason {
  const reason = deadLetterReasons.find((known) => known === value);
  if (reason === undefined)
    throw damagedValue(`a dead letter has the unknown reason ${String(value).slice(0, 40)}`);
  return reason;
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
