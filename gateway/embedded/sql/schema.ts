// Creates and upgrades the tables of `vectorstream.db`, and refuses a file that belongs to a newer
// schema or to another index.

import type { DatabaseSync } from 'node:sqlite';
import { assert } from '#core/errors/assert.ts';
import { IndexMismatchError, UsageError } from '#core/errors/errors.ts';
import type { IndexIdentity } from '#core/ports.ts';
import { vectorChanges } from '../vectors/vector-copy.ts';
import { catalogueTables } from './catalogue-tables.ts';
import { deadLettersSchema, deadLettersUpgrade2 } from './dead-letter-tables.ts';
import { prepareWordTables } from './word-tables.ts';

/** Stored in `PRAGMA user_version`. */
const schemaVersion = 3;

/**
 * Which texts the events of each product have. This is a table of pairs instead of an index on
 * events, so that it grows with the texts and not with the events.
 *
 * SQLite stores the text of every CREATE statement in the file: it must not change, not even in its
 * white space. `+` breaks the long ones.
 */
const productTables =
  `
  CREATE TABLE IF NOT EXISTS product_texts (product TEXT NOT NULL, text INTEGER NOT NULL, ` +
  `PRIMARY KEY (product, text)) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS product_texts_by_text ON product_texts (text);
`;
const productUpgrade = `${productTables}
  INSERT OR IGNORE INTO product_texts (product, text)
    SELECT DISTINCT json_extract(payload, '$.product.id') AS product, text FROM events
    WHERE product IS NOT NULL;
`;

/** Each upgrades the version before to the version in its key. */
const upgrades: Readonly<Record<number, string>> = { 2: deadLettersUpgrade2, 3: productUpgrade };

function upgradeTo(version: number): string {
  const upgrade = upgrades[version];
  assert(upgrade !== undefined, `There is no upgrade to schema ${version}`);
  return upgrade;
}

/**
 * Every index on events costs each event one more write, so there are only these. `events_by_text`
 * also answers counts and newest events under filters by type, category, price and time without
 * reading the events. `events_by_category` finds the texts of a category by seeking from one text
 * to the next.
 *
 * The writes maintain `totals`, because SQLite counts a table by reading all of it.
 *
 * Vectors have their own table, without the rest of the text, so that a pass over all vectors reads
 * few pages.
 */
const storeTables =
  `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

  CREATE TABLE totals (name TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
  INSERT INTO totals (name, count) VALUES ('texts', 0), ('events', 0);

  CREATE TABLE texts (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    text TEXT NOT NULL,
    kind TEXT NOT NULL,
    product TEXT,
    runner_session TEXT NOT NULL,
    runner_name TEXT NOT NULL,
    device TEXT NOT NULL,
    dtype TEXT NOT NULL,
    embedded_at INTEGER NOT NULL,
    checked_at INTEGER NOT NULL,
    unreferenced_since INTEGER
  );
  CREATE INDEX texts_unreferenced ON texts (unreferenced_since) ` +
  `WHERE unreferenced_since IS NOT NULL;

  CREATE TABLE vectors (text INTEGER PRIMARY KEY, kind TEXT NOT NULL, vector BLOB NOT NULL);

  CREATE TABLE events (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    timestamp INTEGER NOT NULL,
    ingested_at INTEGER NOT NULL,
    text INTEGER NOT NULL,
    event_type TEXT NOT NULL,
    category TEXT,
    price REAL,
    user_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    payload TEXT NOT NULL
  );
  CREATE INDEX events_by_text ON events (text, timestamp, event_type, category, price);
  CREATE INDEX events_by_time ON events (timestamp, id);
  CREATE INDEX events_by_user ON events (user_id, timestamp);
  CREATE INDEX events_by_category ON events (category, text);
  CREATE INDEX events_by_ingestion ON events (ingested_at);

  CREATE TABLE commits (group_id TEXT NOT NULL, partition INTEGER NOT NULL, ` +
  `next_offset INTEGER NOT NULL, PRIMARY KEY (group_id, partition)) WITHOUT ROWID;
${productTables}
${deadLettersSchema}`;

/**
 * What finds the work of a faulty runner: see session-tables.ts. Some files of the present schema
 * version lack these tables, and a gateway that does not know them may still use such a file. So
 * they are created whenever they are missing, and the version stays.
 */
const sessionTables =
  `
  CREATE TABLE IF NOT EXISTS runner_sessions (id TEXT PRIMARY KEY, good_until INTEGER NOT NULL, ` +
  `renewed_at INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS texts_by_session ON texts (runner_session, embedded_at);
`;

/** What erases persons, see erasure-tables.ts. As with the session tables, the version stays. */
const erasureTables =
  `
  CREATE TABLE IF NOT EXISTS tombstones (mark BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS tombstones_by_time ON tombstones (at);
  CREATE TABLE IF NOT EXISTS erasures (id TEXT PRIMARY KEY, request TEXT NOT NULL, ` +
  `is_open INTEGER NOT NULL) WITHOUT ROWID;
`;

/** Which runners may not join, see runner-block-tables.ts. As above, the version stays. */
const blockTables =
  `
  CREATE TABLE IF NOT EXISTS runner_blocks (kind TEXT NOT NULL, subject_by TEXT NOT NULL, ` +
  `subject_id TEXT NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL, until INTEGER NOT NULL, ` +
  `times INTEGER NOT NULL, PRIMARY KEY (kind, subject_by, subject_id)) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS runner_blocks_by_time ON runner_blocks (at);
`;

/**
 * The raw id of an event; NULL in events of earlier gateways. As with the session tables, an
 * earlier gateway may still use the file, and the version stays. Adding a column rewrites no row.
 */
function addRawIds(database: DatabaseSync): void {
  const columns = database.prepare("SELECT name FROM pragma_table_info('events')").all();
  if (columns.some(({ name }) => name === 'raw_id')) return;
  database.exec('ALTER TABLE events ADD COLUMN raw_id TEXT');
}

/**
 * The sessions of a product and the products of a session, newest first. Both hold all that
 * recommendations read, so that they read no events. An earlier gateway may still use the file:
 * SQLite keeps the indexes, and `events_by_session` serves the same questions as its own did.
 */
function addTouchIndexes(database: DatabaseSync): void {
  const found = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'events_by_product'");
  if (found.get() !== undefined) return;
  const product = "json_extract(payload, '$.product.id')";
  database.exec(`
    DROP INDEX IF EXISTS events_by_session;
    CREATE INDEX events_by_session ON events (session_id, timestamp, ${product}, event_type);
    CREATE INDEX events_by_product ON events (${product}, timestamp, session_id, event_type);
  `);
}

/**
 * One table for each partition, keyed by offset: an append always goes to the end of the tree, and
 * a read is one range. `position` is the number of bytes in the partition before the record, so the
 * size of a range is a difference instead of a sum.
 */
const logTable = (partition: number) => `
  CREATE TABLE IF NOT EXISTS log_${partition} (
    record_offset INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    timestamp REAL NOT NULL,
    key BLOB,
    headers BLOB NOT NULL,
    value BLOB NOT NULL
  );
`;

/**
 * Creates missing tables and upgrades older ones. Returns the number of partitions: `partitions`,
 * or what the file has when that is more, because the records in every partition must be read.
 *
 * @param identity `null`: the index of the file is neither checked nor set
 * @throws UsageError for a newer schema
 * @throws IndexMismatchError for another index
 */
export function prepareSchema(
  database: DatabaseSync,
  file: string,
  identity: IndexIdentity | null,
  partitions: number,
): number {
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
  if (version > schemaVersion) {
    throw new UsageError(
      `${file} was written by a newer VectorStream (schema ${version}, this one knows ` +
        `${schemaVersion}): run that version, or choose another data folder.`,
    );
  }
  database.exec('BEGIN IMMEDIATE');
  try {
    if (version === 0) database.exec(storeTables);
    else for (let to = version + 1; to <= schemaVersion; to++) database.exec(upgradeTo(to));
    database.exec(`PRAGMA user_version = ${schemaVersion}`);
    database.exec(sessionTables);
    addTouchIndexes(database);
    database.exec(erasureTables);
    database.exec(blockTables);
    database.exec(catalogueTables);
    addRawIds(database);
    database.exec(vectorChanges);
    prepareWordTables(database);
    const meta = (name: string, initial: string): string => {
      database
        .prepare('INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING')
        .run(name, initial);
      return String(database.prepare('SELECT value FROM meta WHERE name = ?').get(name)?.['value']);
    };
    if (identity !== null)
      checkIdentity(file, meta('index_identity', describe(identity)), identity);
    const count = Math.max(partitions, Number(meta('partitions', String(partitions))));
    database.prepare("UPDATE meta SET value = ? WHERE name = 'partitions'").run(String(count));
    for (let partition = 0; partition < count; partition++) database.exec(logTable(partition));
    database.exec('COMMIT');
    return count;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** This text is stored: it must not change. */
function describe({ modelId, modelRevision, dimensions, templateHash }: IndexIdentity): string {
  return (
    `model ${modelId}, revision ${modelRevision}, ${dimensions} dimensions, ` +
    `text template ${templateHash}`
  );
}

function checkIdentity(file: string, found: string, identity: IndexIdentity): void {
  const older = (identity.compatibleRevisions ?? []).map((modelRevision) =>
    describe({ ...identity, modelRevision }),
  );
  const wanted = describe(identity);
  if (found === wanted || older.includes(found)) return;
  throw new IndexMismatchError(
    `${file} holds vectors of another index (${found}) than this gateway makes (${wanted}). ` +
      'Their vectors cannot be compared: choose another data folder, or move this one away and ' +
      'read the events again.',
  );
}
