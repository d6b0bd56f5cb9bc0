// Lists dead letters that are stored elsewhere, from a temporary SQLite database. It ends with the
// process and is rebuilt from their log.

import { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { at } from '#core/errors/assert.ts';
import { deadLetterIdOfPosition } from '#core/event/dead-letter-id.ts';
import type { DeadLetter, DeadLetterEntry, DeadLetterQuery } from '#core/ports.ts';
import {
  packHeaders,
  packRecords,
  unpackHeaders,
  unpackRecords,
} from '../embedded/record-codec.ts';
import { wholePage } from '../embedded/sql/dead-letter-search.ts';
import {
  createDeadLetterReads,
  createDeadLetterWrites,
  createOlderLookup,
  deadLettersSchema,
  type DeadLetterStats,
  type PackedDeadLetters,
  type StatusChange,
} from '../embedded/sql/dead-letter-tables.ts';
import { uuidBytes } from '../embedded/sql/uuid-bytes.ts';

export type IndexedDeadLetter = DeadLetter & Pick<DeadLetterEntry, 'valueBytes'>;

/** A write that fails changes nothing, and may be repeated. */
export type DeadLetterIndex = Disposable & {
  /** Adds dead letters in the order of the log: of several with one id the first stays. */
  add(deadLetters: readonly IndexedDeadLetter[]): void;
  /** The last status counts, even when it comes before its dead letter. */
  setStatus(changes: readonly StatusChange[]): void;
  /** Erases dead letters for good: they do not come back when they are read again. */
  erase(ids: readonly string[]): void;
  /** Whether it is there, perhaps under the id of an earlier version, see `DeadLetters.put`. */
  has(deadLetter: DeadLetter): boolean;
  list(query: DeadLetterQuery): Promise<readonly DeadLetterEntry[]>;
  get(id: string): DeadLetterEntry | null;
  stats(): DeadLetterStats;
};

const cacheKib = 8 * 1024;
/** Also holds the status of dead letters that are not here yet. */
const statesSchema =
  'CREATE TABLE dead_letter_states (id BLOB PRIMARY KEY, status TEXT NOT NULL) WITHOUT ROWID;';

export function createDeadLetterIndex(): DeadLetterIndex {
  // A database without a name is a temporary file, which SQLite removes itself and writes only when
  // the cache is full.
  const database = new DatabaseSync('');
  database.exec(`PRAGMA cache_size = -${cacheKib}; PRAGMA journal_mode = MEMORY;
    PRAGMA synchronous = OFF; PRAGMA secure_delete = ON; ${deadLettersSchema} ${statesSchema}`);
  let holdsOlder = false;
  let holdsStatuses = false;
  const writes = createDeadLetterWrites(database, () => holdsOlder);
  const reads = createDeadLetterReads(database);
  const keepStatus = database.prepare(
    'INSERT INTO dead_letter_states (id, status) VALUES (?, ?) ' +
      'ON CONFLICT (id) DO UPDATE SET status = excluded.status',
  );
  const findStatus = database.prepare('SELECT status FROM dead_letter_states WHERE id = ?');
  const findId = database.prepare('SELECT 1 FROM dead_letters WHERE id = ?');
  const isStoredAsOlder = createOlderLookup(database);

  const inTransaction = (work: () => void): void => {
    database.exec('BEGIN');
    try {
      work();
      database.exec('COMMIT');
    } catch (error) {
      // On a full disk SQLite has rolled back by itself.
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  };
  const storedStatus = (id: string): unknown => findStatus.get(uuidBytes(id))?.['status'];
  const statusOf = ({ id }: IndexedDeadLetter): readonly StatusChange[] => {
    const status = storedStatus(id);
    return typeof status === 'string' ? [{ id, status: JSON.parse(status) }] : [];
  };

  return {
    add(deadLetters) {
      holdsOlder ||= deadLetters.some(({ id, origin }) => id === deadLetterIdOfPosition(origin));
      inTransaction(() => {
        const kept = holdsStatuses
          ? deadLetters.filter(({ id }) => storedStatus(id) !== erased)
          : deadLetters;
        writes.putDeadLetters({ rows: kept, packed: packed(kept) });
        if (holdsStatuses) writes.setDeadLetterStatus(kept.flatMap(statusOf));
      });
    },
    erase(ids) {
      holdsStatuses ||= ids.length > 0;
      inTransaction(() => {
        for (const id of ids) keepStatus.run(uuidBytes(id), erased);
        writes.eraseDeadLetters(ids);
      });
    },
    setStatus(changes) {
      holdsStatuses = true;
      inTransaction(() => {
        for (const { id, status } of changes) keepStatus.run(uuidBytes(id), JSON.stringify(status));
        writes.setDeadLetterStatus(changes);
      });
    },
    has: (deadLetter) =>
      findId.get(uuidBytes(deadLetter.id)) !== undefined ||
      (holdsOlder && isStoredAsOlder(deadLetter.origin, deadLetter)),
    list: (query) =>
      wholePage(query, async (part) => {
        const found = reads.listDeadLetters(part);
        // The database runs on the gateway's own thread: other work gets a turn in between.
        if (found.next !== null) await nextTurn();
        return { items: entriesOf(found), next: found.next };
      }),
    get: (id) => entriesOf(reads.getDeadLetter(id))[0] ?? null,
    stats: () => reads.deadLetterStats(),
    [Symbol.dispose]: () => database.close(),
  };
}

/** Stands in place of a status. */
const erased = 'erased';

const packed = (deadLetters: readonly IndexedDeadLetter[]): Uint8Array =>
  packRecords(
    deadLetters.map(({ timestamp, key, headers, value }) => ({
      timestamp,
      key,
      headers: packHeaders(headers),
      value,
    })),
  );

const entriesOf = ({ rows, packed: records }: PackedDeadLetters): readonly DeadLetterEntry[] =>
  unpackRecords(records).map((record, index) => ({
    ...at(rows, index),
    timestamp: record.timestamp,
    key: record.key,
    value: record.value,
    headers: unpackHeaders(record.headers),
  }));
