// The writer's housekeeping never ends it, never blocks it for long, and fails no write.

import { renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { DependencyError } from '#core/errors/errors.ts';
import { misplacedCode, watchFiles } from '../../gateway/embedded/files-in-place.ts';
import { createGroupCommit } from '../../gateway/embedded/group-commit.ts';
import { createWalBound } from '../../gateway/embedded/wal-bound.ts';
import type { Call } from '../../gateway/embedded/worker-rpc.ts';
import type { WriterApi } from '../../gateway/embedded/writer-api.ts';
import { temporaryFolder } from './embedded-harness.ts';

const kib = 1024;

/** A database in WAL mode that never empties its log by itself. */
function openWal(folder: string) {
  const file = join(folder, 'v.db');
  const database = new DatabaseSync(file, { timeout: 5_000 });
  database.exec(
    'PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (a BLOB)',
  );
  const insert = database.prepare('INSERT INTO t VALUES (?)');
  return {
    database,
    file,
    wal: `${file}-wal`,
    walBytes: () => statSync(`${file}-wal`).size,
    grow: (bytes: number) => insert.run(new Uint8Array(bytes)),
    [Symbol.dispose]: () => database.close(),
  };
}

test('a full disk during the checkpoint does not end the writer', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'large-wal');
  writeFileSync(file, new Uint8Array(200 * kib));
  const asked: string[] = [];
  const full = {
    exec(sql: string): void {
      asked.push(sql);
      if (sql.includes('checkpoint'))
        throw Object.assign(new Error('database or disk is full'), { errcode: 13 });
    },
  };
  const keepSmall = createWalBound(full, {
    file,
    bytesMax: 100 * kib,
    bytesBetweenTries: 50 * kib,
    waitMs: 10,
  });
  expect(keepSmall).not.toThrow();
  expect(asked).toEqual([
    'PRAGMA busy_timeout = 10',
    'PRAGMA wal_checkpoint(TRUNCATE)',
    'PRAGMA busy_timeout = 5000',
  ]);
});

test('a long reader delays one write per step of growth; then the log shrinks', async () => {
  await using folder = await temporaryFolder();
  using writer = openWal(folder.path);
  let tries = 0;
  const counted = {
    exec(sql: string): void {
      if (sql.includes('checkpoint')) tries += 1;
      writer.database.exec(sql);
    },
  };
  const keepSmall = createWalBound(counted, {
    file: writer.wal,
    bytesMax: 100 * kib,
    bytesBetweenTries: 100 * kib,
    waitMs: 10,
  });
  writer.grow(kib);
  const reader = new DatabaseSync(writer.file, { readOnly: true });
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM t').get();
  const begun = performance.now();
  for (let groups = 0; groups < 100; groups++) {
    writer.grow(4 * kib);
    keepSmall();
  }
  // Far below the 5 s that each statement may wait.
  expect(performance.now() - begun).toBeLessThan(20_000);
  expect(tries).toBeGreaterThan(1);
  expect(tries).toBeLessThan(30);
  reader.close();
  for (let groups = 0; groups < 100 && writer.walBytes() > 100 * kib; groups++) {
    writer.grow(4 * kib);
    keepSmall();
  }
  expect(writer.walBytes()).toBeLessThan(100 * kib);
});

/** A group commit of one method, with the result of each call. */
function groupsOf(database: DatabaseSync, parts: { reload(): void; verify(): void }) {
  const insert = database.prepare('INSERT INTO t VALUES (?)');
  const outcomes: unknown[] = [];
  const handlers = {
    append(argument: unknown) {
      if (argument === 'bad') throw Object.assign(new Error('full'), { errcode: 13 });
      insert.run(new Uint8Array(8));
      return argument;
    },
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only the method that is called
  const writerApi = handlers as unknown as WriterApi;
  const commit = createGroupCommit({ database, handlers: writerApi, ...parts });
  const call = (argument: string): Call => ({
    method: 'append',
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as a message brings it
    argument: argument as never,
    resolve: (value) => outcomes.push(value),
    reject: (error) => outcomes.push(error),
  });
  return { outcomes, commit: (...items: string[]) => commit(items.map(call)) };
}

test('values kept in memory are read again after a call was rolled back', async () => {
  await using folder = await temporaryFolder();
  using writer = openWal(folder.path);
  let failures = 1;
  let reloads = 0;
  const { outcomes, commit } = groupsOf(writer.database, {
    reload() {
      if (failures-- > 0) throw Object.assign(new Error('full'), { errcode: 13 });
      reloads += 1;
    },
    verify: () => undefined,
  });
  expect(commit('one', 'bad', 'two', 'three')).toBe(true);
  expect(outcomes).toEqual([
    expect.objectContaining({ code: 'disk_full' }),
    expect.objectContaining({ code: 'disk_full' }),
    'one',
    'three',
  ]);
  expect(reloads).toBe(1);
});

test('a committed group is not acknowledged if its files are no longer in place', async () => {
  await using folder = await temporaryFolder();
  using writer = openWal(folder.path);
  const verify = watchFiles([writer.file, writer.wal]);
  const { outcomes, commit } = groupsOf(writer.database, { reload: () => undefined, verify });
  expect(commit('kept')).toBe(true);
  renameSync(writer.wal, `${writer.wal}.moved`);
  expect(commit('lost')).toBe(false);
  writeFileSync(writer.wal, '');
  expect(commit('lost too')).toBe(false);
  const gone = { code: misplacedCode, retryable: true };
  expect(outcomes).toEqual([
    'kept',
    expect.objectContaining({ ...gone, message: expect.stringMatching(/v\.db-wal was removed/) }),
    expect.objectContaining({ ...gone, message: expect.stringMatching(/v\.db-wal was replaced/) }),
  ]);
  expect(outcomes[1]).toBeInstanceOf(DependencyError);
  renameSync(`${writer.wal}.moved`, writer.wal);
  expect(commit('found again')).toBe(true);
});
