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
  createLetterReads,
  createLetterWrites,
  lettersSchema,
  type LetterStats,
  type StatusChange,
} from '../embedded/sql/dead-letter-tables.ts';
import { uuidBytes } from '../embedded/sql/uuid-bytes.ts';

export type IndexedLetter = DeadLetter & Pick<DeadLetterEntry, 'valueBytes'>;

export type LetterIndex = Disposable & {
  /** In the order of the log: of the same letter twice the first stays. */
  add(letters: readonly IndexedLetter[]): void;
  /** The last word counts, also when it comes before its letter. */
  setStatus(changes: readonly StatusChange[]): void;
  has(id: string): boolean;
  list(query: DeadLetterQuery): Promise<readonly DeadLetterEntry[]>;
  get(id: string): DeadLetterEntry | null;
  stats(): LetterStats;
};

const cacheKib = 8 * 1024;

export function createLetterIndex(): LetterIndex {
  // Without a name: a file that SQLite removes itself, written only when the cache is full.
  const database = new DatabaseSync('');
  database.exec(`PRAGMA cache_size = -${cacheKib}; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; ${lettersSchema}
    CREATE TABLE letter_states (id BLOB PRIMARY KEY, status TEXT NOT NULL) WITHOUT ROWID;`);
  const writes = createLetterWrites(database);
  const reads = createLetterReads(database);
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
  }: ReturnType<typeof reads.getLetter>): readonly DeadLetterEntry[] =>
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
        writes.putLetters({ rows: letters, packed });
        writes.setLetterStatus(
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
        writes.setLetterStatus(changes);
      });
    },
    has(id) {
      const key = uuidBytes(id);
      return key !== null && find.get(key) !== undefined;
    },
    list: (query) =>
      wholePage(query, async (part) => {
        const found = reads.listLetters(part);
        // This is the gateway's own thread.
        if (found.next !== null) await nextTurn();
        return { items: entries(found), next: found.next };
      }),
    get: (id) => entries(reads.getLetter(id))[0] ?? null,
    stats: () => reads.letterStats(),
    [Symbol.dispose]: () => database.close(),
  };
}
