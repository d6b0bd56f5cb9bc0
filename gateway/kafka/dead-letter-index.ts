// Lists dead letters that live elsewhere: a temporary SQLite database, gone with the process and
// built again from their log.

import { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
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
  deadLettersSchema,
  type DeadLetterStats,
  type StatusChange,
} from '../embedded/sql/dead-letter-tables.ts';
import { uuidBytes } from '../embedded/sql/uuid-bytes.ts';

export type IndexedDeadLetter = DeadLetter & Pick<DeadLetterEntry, 'valueBytes'>;

export type DeadLetterIndex = Disposable & {
  /** In the order of the log: of the same letter twice the first stays. */
  add(letters: readonly IndexedDeadLetter[]): void;
  /** The last word counts, also when it comes before its letter. */
  setStatus(changes: readonly StatusChange[]): void;
  has(id: string): boolean;
  list(query: DeadLetterQuery): Promise<readonly DeadLetterEntry[]>;
  get(id: string): DeadLetterEntry | null;
  stats(): DeadLetterStats;
};

const cacheKib = 8 * 1024;

export function createDeadLetterIndex(): DeadLetterIndex {
  // Without a name: a file that SQLite removes itself, written only when the cache is full.
  const database = new DatabaseSync('');
  database.exec(`PRAGMA cache_size = -${cacheKib}; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; ${deadLettersSchema}
    CREATE TABLE letter_states (id BLOB PRIMARY KEY, status TEXT NOT NULL) WITHOUT ROWID;`);
  const writes = createDeadLetterWrites(database);
  const reads = createDeadLetterReads(database);
  const keepStatus = database.prepare(
    'INSERT INTO letter_states (id, status) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET status = excluded.status',
  );
  const findStatus = database.prepare('SELECT status FROM letter_states WHERE id = ?');
  const find = database.prepare('SELECT 1 FROM dead_letters WHERE id = ?');

  const together = (work: () => void): void => {
    database.exec('BEGIN');
    work();
    database.exec('COMMIT');
  };
  const entries = ({
    rows,
    packed,
  }: ReturnType<typeof reads.getDeadLetter>): readonly DeadLetterEntry[] =>
    unpackRecords(packed).flatMap((record, index) => {
      const row = rows[index];
      return row === undefined
        ? []
        : [
            {
              ...row,
              timestamp: record.timestamp,
              key: record.key,
              value: record.value,
              headers: unpackHeaders(record.headers),
            },
          ];
    });

  return {
    add(letters) {
      together(() => {
        const packed = packRecords(
          letters.map(({ timestamp, key, headers, value }) => ({
            timestamp,
            key,
            headers: packHeaders(headers),
            value,
          })),
        );
        writes.putDeadLetters({ rows: letters, packed });
        writes.setDeadLetterStatus(
          letters.flatMap(({ id }) => {
            const status = findStatus.get(uuidBytes(id))?.['status'];
            return typeof status === 'string' ? [{ id, status: JSON.parse(status) }] : [];
          }),
        );
      });
    },
    setStatus(changes) {
      together(() => {
        for (const { id, status } of changes) keepStatus.run(uuidBytes(id), JSON.stringify(status));
        writes.setDeadLetterStatus(changes);
      });
    },
    has(id) {
      const key = uuidBytes(id);
      return key !== null && find.get(key) !== undefined;
    },
    list: (query) =>
      wholePage(query, async (part) => {
        const found = reads.listDeadLetters(part);
        // This is the gateway's own thread.
        if (found.next !== null) await nextTurn();
        return { items: entries(found), next: found.next };
      }),
    get: (id) => entries(reads.getDeadLetter(id))[0] ?? null,
    stats: () => reads.deadLetterStats(),
    [Symbol.dispose]: () => database.close(),
  };
}
