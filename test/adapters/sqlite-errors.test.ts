// A full disk is a retryable error; a value that the table refuses is an error of its item.

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

it('a full disk is retryable', () => {
  const error = thrownBy('INSERT INTO t (x) VALUES (hex(zeroblob(100000)))');
  expect(error).toBeInstanceOf(DependencyError);
  expect(error).toMatchObject({ code: 'disk_full', retryable: true });
});

it('a value that the table refuses is not retryable', () => {
  expect(thrownBy('INSERT INTO t (x) VALUES (NULL)')).toMatchObject({
    name: 'DependencyError',
    retryable: false,
  });
});

it('wrong SQL is a bug, not an error of the dependency', () => {
  expect(thrownBy('SELECT nothing FROM nowhere')).not.toBeInstanceOf(DependencyError);
});
