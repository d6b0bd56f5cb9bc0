// Reads the contents of a data folder's SQLite file with SQLite and sqlite-vec alone, without the
// code that wrote it.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { getLoadablePath } from 'sqlite-vec';

export type StoredText = {
  readonly text: string;
  readonly kind: string;
  readonly runnerSession: string;
  readonly runnerName: string;
  readonly dtype: string;
  readonly embeddedAt: number;
};
export type StoredDeadLetter = {
  readonly eventId: string | null;
  readonly reason: string;
  readonly field: string | null;
  readonly message: string;
  readonly value: Uint8Array;
};

export type StoreContents = {
  /** Ids as UUIDs, one per row. */
  readonly eventIds: readonly string[];
  /** By id. */
  readonly texts: ReadonlyMap<string, StoredText>;
  readonly deadLetters: readonly StoredDeadLetter[];
  /** Every record in the log, as text. */
  readonly log: readonly string[];
  /** Records before the committed offsets. */
  readonly committed: number;
};

export type StoredVector = {
  readonly text: string;
  readonly dtype: string;
  readonly dimensions: number;
  readonly length: number;
  readonly values: readonly number[];
};

export function readStore(dataDir: string): StoreContents {
  using database = openStore(dataDir);
  const all = (sql: string) => database.prepare(sql).all();
  const partitions = all(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'log_[0-9]*'",
  ).map(({ name }) => String(name));
  return {
    eventIds: all('SELECT lower(hex(id)) AS id FROM events').map(({ id }) => uuid(id)),
    texts: new Map(
      all(
        'SELECT lower(hex(id)) AS id, text, kind, runner_session, runner_name, dtype, ' +
          'embedded_at FROM texts',
      ).map((row) => [
        uuid(row['id']),
        {
          text: String(row['text']),
          kind: String(row['kind']),
          runnerSession: String(row['runner_session']),
          runnerName: String(row['runner_name']),
          dtype: String(row['dtype']),
          embeddedAt: Number(row['embedded_at']),
        },
      ]),
    ),
    deadLetters: all(
      'SELECT event_id, reason, field, message, record_value FROM dead_letters ORDER BY key',
    ).map((row) => ({
      eventId: nullable(row['event_id']),
      reason: String(row['reason']),
      field: nullable(row['field']),
      message: String(row['message']),
      value: row['record_value'] instanceof Uint8Array ? row['record_value'] : new Uint8Array(),
    })),
    log: partitions.flatMap((partition) =>
      all(`SELECT CAST(value AS TEXT) AS value FROM ${partition}`).map(({ value }) =>
        String(value),
      ),
    ),
    committed: Number(
      all('SELECT coalesce(sum(next_offset), 0) AS committed FROM commits')[0]?.['committed'],
    ),
  };
}

/**
 * Dimensions, length (distance to the origin, as sqlite-vec computes it) and values of every stored
 * vector.
 */
export function readVectors(dataDir: string): readonly StoredVector[] {
  using database = openStore(dataDir);
  const origin = new Float32Array(384);
  const rows = database
    .prepare(`
    SELECT texts.text, texts.dtype, vec_length(vector) AS dimensions,
           vec_distance_l2(vector, ?) AS length, vec_to_json(vector) AS vector
    FROM vectors JOIN texts ON texts.key = vectors.text`)
    .all(new Uint8Array(origin.buffer));
  return rows.map((row) => ({
    text: String(row['text']),
    dtype: String(row['dtype']),
    dimensions: Number(row['dimensions']),
    length: Number(row['length']),
    values: JSON.parse(String(row['vector'])),
  }));
}

function openStore(dataDir: string): DatabaseSync {
  const database = new DatabaseSync(join(dataDir, 'vectorstream.db'), {
    readOnly: true,
    allowExtension: true,
    timeout: 5_000,
  });
  database.loadExtension(getLoadablePath());
  return database;
}

const nullable = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** From 32 hexadecimal digits. */
const uuid = (hex: unknown): string =>
  String(hex).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
