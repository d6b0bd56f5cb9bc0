// A full disk is nobody's fault and passes; a value that does not fit is the item's own.

import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { DependencyError } from '#core/errors/errors.ts';
import { asDependencyError } from '../../gateway/embedded/sql/sqlite-errors.ts';

function thrownBy(sql: string): unknown {
  using database = new DatabaseSync(':memory:');
  database.exec(
    'CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT NOT NULL); PRAGMA max_page_count = 3;',
  );
  try {
    database.exec(sql);
  } catch (error) {
    return asDependencyError(error);
  }
  throw new Error(`${sql} did not fail`);
}

it('a full disk may be tried again', () => {
  const error = thrownBy('INSERT INTO t (x) VALUES (hex(zeroblob(100000)))');
  expect(error).toBeInstanceOf(DependencyError);
  expect(error).toMatchObject({ code: 'disk_full', retryable: true });
});

it('a value that the table refuses may not', () => {
  expect(thrownBy('INSERT INTO t (x) VALUES (NULL)')).toMatchObject({
    name: 'DependencyError',
    retryable: false,
  });
});

it('wrong SQL is a bug, and no dependency is blamed for it', () => {
  expect(thrownBy('SELECT nothing FROM nowhere')).not.toBeInstanceOf(DependencyError);
});
