// The copy of the vectors follows its database through every kind of change, and its candidates
// match all stored vectors.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { vectorChanges, VectorCopy } from '../../gateway/embedded/vectors/vector-copy.ts';
import { seeded } from '../helpers/seeded.ts';
import { temporaryFolder } from './embedded-harness.ts';

const dimensions = 8;
const bytesOf = ({ buffer }: Float32Array): Uint8Array => new Uint8Array(buffer);

/** A file that one connection writes and another reads, as in the gateway. */
async function openBoth() {
  const folder = await temporaryFolder();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  const file = join(folder.path, 'vectors.db');
  const writer = new DatabaseSync(file);
  writer.exec(
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
    CREATE TABLE vectors (text INTEGER PRIMARY KEY, kind TEXT NOT NULL, vector BLOB NOT NULL);
    ${vectorChanges}`,
  );
  const reader = new DatabaseSync(file, { readOnly: true });
  onTestFinished(() => [reader, writer].forEach((database) => database.close()));
  return { writer, copy: new VectorCopy(reader, dimensions), reader };
}

describe('the copy of the vectors', () => {
  let both: Awaited<ReturnType<typeof openBoth>>;
  let random: ReturnType<typeof seeded>;
  beforeEach(async () => {
    both = await openBoth();
    random = seeded(11);
  });

  const vector = (): Float32Array =>
    Float32Array.from({ length: dimensions }, () => random.next() - 0.5);
  const put = (from: number, count: number): void => {
    const insert = both.writer.prepare(
      `INSERT INTO vectors (text, kind, vector) VALUES (?, 'product', ?)
      ON CONFLICT (text) DO UPDATE SET vector = excluded.vector`,
    );
    both.writer.exec('BEGIN');
    for (let text = from; text < from + count; text++) insert.run(text, bytesOf(vector()));
    both.writer.exec('COMMIT');
  };
  const remove = (sql: string): void => both.writer.exec(`DELETE FROM vectors WHERE ${sql}`);
  const everything = (): readonly number[] =>
    both.writer
      .prepare('SELECT text FROM vectors ORDER BY text')
      .all()
      .map(({ text }) => Number(text));
  const candidates = (count: number) =>
    both.copy.candidates(vector(), count, true)?.toSorted((a, b) => a - b) ?? null;
  const copyAll = (): void => {
    while (both.copy.step());
  };

  it('returns nothing until it is complete', () => {
    put(1, 1_200);
    expect(both.copy.step()).toBe(true);
    expect(candidates(5)).toBeNull();
    copyAll();
    expect(candidates(10_000)).toEqual(everything());
  });

  it('is complete although texts are added, changed and deleted meanwhile', () => {
    put(1, 1_700);
    both.copy.step();
    put(1_800, 100);
    remove('text BETWEEN 100 AND 140 OR text BETWEEN 900 AND 940');
    both.copy.step();
    put(100, 10);
    put(1_500, 10);
    copyAll();
    expect(candidates(10_000)).toEqual(everything());
  });

  it('has all changes committed before a search, and ranks by the new vectors', () => {
    put(1, 500);
    copyAll();
    remove('text <= 100');
    put(50, 1);
    const query = vector();
    both.writer.prepare('UPDATE vectors SET vector = ? WHERE text = 400').run(bytesOf(query));
    expect(candidates(10_000)).toEqual(everything());
    expect(both.copy.candidates(query, 1, true)).toContain(400);
  });

  it('hides from a transaction what was committed after it began', () => {
    put(1, 20);
    copyAll();
    both.reader.exec('BEGIN');
    expect(candidates(100)).toHaveLength(20);
    put(21, 5);
    expect(candidates(100)).toHaveLength(20);
    both.reader.exec('COMMIT');
    expect(candidates(100)).toHaveLength(25);
  });

  it('ignores changes that were rolled back', () => {
    put(1, 20);
    copyAll();
    both.writer.exec('BEGIN; SAVEPOINT one');
    both.writer.exec('DELETE FROM vectors WHERE text < 10; ROLLBACK TO one; COMMIT');
    put(30, 1);
    expect(candidates(100)).toEqual(everything());
  });

  it('is rebuilt when more has changed than was logged', () => {
    put(1, 600);
    copyAll();
    remove('text <= 300');
    for (let round = 0; round < 25; round++) put(301, 500);
    expect(both.writer.prepare('SELECT count(*) AS changes FROM vector_changes').get()).toEqual({
      changes: 10_000,
    });
    expect(candidates(5)).toBeNull();
    copyAll();
    expect(candidates(10_000)).toEqual(everything());
  });
});
