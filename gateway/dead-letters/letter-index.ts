// Lists dead letters that live elsewhere: a temporary SQLite database, gone with the process and built again from their log.

import { DatabaseSync } from 'node:sqlite';
import type { DeadLetter, DeadLetterEntry, DeadLetterQuery, DeadLetterState } from '#core/ports.ts';
import { createLetterReads, createLetterWrites, lettersSchema, type LetterStats } from '../embedded/dead-letter-tables.ts';
import { packHeaders, packRecords, unpackHeaders, unpackRecords } from '../embedded/record-codec.ts';
import { uuidBytes } from '../embedded/uuid-bytes.ts';

export type LetterState = { readonly id: string; readonly state: DeadLetterState };

export type LetterIndex = Disposable & {
  /** In the order of the log: of the same letter twice the first stays. */
  add(letters: readonly DeadLetter[]): void;
  /** The last word counts, also when it comes before its letter. */
  setStates(states: readonly LetterState[]): void;
  has(id: string): boolean;
  list(query: DeadLetterQuery): readonly DeadLetterEntry[];
  get(id: string): DeadLetterEntry | null;
  stats(): LetterStats;
};

const cacheKib = 8 * 1024;

export function createLetterIndex(): LetterIndex {
  // Without a name: a file that SQLite removes itself, written only when the cache is full.
  const database = new DatabaseSync('');
  database.exec(`PRAGMA cache_size = -${cacheKib}; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; ${lettersSchema}
    CREATE TABLE letter_states (id BLOB PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;`);
  const writes = createLetterWrites(database);
  const reads = createLetterReads(database);
  const setState = database.prepare('INSERT INTO letter_states (id, state) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state');
  const applyState = database.prepare('UPDATE dead_letters SET state = letter_states.state FROM letter_states WHERE letter_states.id = dead_letters.id AND dead_letters.id = ?');
  const find = database.prepare('SELECT 1 FROM dead_letters WHERE id = ?');

  const together = (work: () => void): void => {
    database.exec('BEGIN');
    work();
    database.exec('COMMIT');
  };
  const entries = ({ rows, packed }: ReturnType<typeof reads.getLetter>): readonly DeadLetterEntry[] => unpackRecords(packed).flatMap((record, index) => {
    const row = rows[index];
    return row === undefined ? [] : [{ ...row, timestamp: record.timestamp, key: record.key, value: record.value, headers: unpackHeaders(record.headers) }];
  });

  return {
    add(letters) {
      together(() => {
        const packed = packRecords(letters.map(({ timestamp, key, headers, value }) => ({ timestamp, key, headers: packHeaders(headers), value })));
        writes.putLetters({ rows: letters, packed });
        for (const { id } of letters) applyState.run(uuidBytes(id));
      });
    },
    setStates(states) {
      together(() => {
        for (const { id, state } of states) {
          const key = uuidBytes(id);
          if (key === null) continue;
          setState.run(key, state);
          applyState.run(key);
        }
      });
    },
    has(id) {
      const key = uuidBytes(id);
      return key !== null && find.get(key) !== undefined;
    },
    list: (query) => entries(reads.listLetters(query)),
    get: (id) => entries(reads.getLetter(id))[0] ?? null,
    stats: () => reads.letterStats(),
    [Symbol.dispose]: () => database.close(),
  };
}
