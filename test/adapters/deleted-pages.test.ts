// What is deleted from the database file is overwritten at once, also in pages that are given back,
// and that costs few bytes.

import { readFileSync, statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { databaseFile, openDatabase, walFile } from '../../gateway/embedded/sql/database.ts';
import { prepareSchema } from '../../gateway/embedded/sql/schema.ts';
import { createStoreWrites } from '../../gateway/embedded/sql/store-writes.ts';
import { eventIdOf, textRecord, unit } from '../conformance/store-records.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const user = 'anna-4711@example.com';
const count = 4_000;
const identity = { modelId: 'm', modelRevision: '0', dimensions: 8, templateHash: '0' };

/** Bytes that were written for the events and for their deletion; and what the file holds then. */
async function erase(mode?: 'OFF') {
  await using folder = await temporaryFolder();
  using database = openDatabase(folder.path, { readOnly: false, cacheKib: 1024 });
  prepareSchema(database, databaseFile(folder.path), identity, 1);
  database.exec('PRAGMA wal_autocheckpoint = 0');
  if (mode !== undefined) database.exec(`PRAGMA secure_delete = ${mode}`);
  const writes = createStoreWrites(database);
  const { id, text, kind, product, embedding } = textRecord(1);
  const row = [id, text, kind, JSON.stringify(product), embedding.provenance] as const;
  writes.putTexts({ rows: [row], vectors: unit(1), now: 1 });
  const bytesOf = (work: () => void): number => {
    const before = statSync(walFile(folder.path)).size;
    database.exec('BEGIN');
    work();
    database.exec('COMMIT');
    return statSync(walFile(folder.path)).size - before;
  };
  const written = bytesOf(() => {
    for (let n = 0; n < count; n += 1)
      writes.putEvents({
        rows: [
          [
            eventIdOf(n),
            id,
            'p1',
            false,
            n,
            n,
            'view',
            null,
            5,
            user,
            's-1',
            JSON.stringify({ user }),
            `raw ${n}`,
          ],
        ],
        now: 1,
      });
  });
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  const deleted = bytesOf(() => {
    const request = { subject: { kind: 'user', id: user }, until: count, now: count } as const;
    while (writes.eraseEvents(request).more);
  });
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  return { written, deleted, holds: readFileSync(databaseFile(folder.path)).includes(user) };
}

test('a deletion leaves nothing in the file, and writes few bytes more for it', async () => {
  const [ours, without] = [await erase(), await erase('OFF')];
  expect([ours.holds, without.holds]).toEqual([false, true]);
  expect(ours.written).toBe(without.written);
  expect(ours.deleted / without.deleted).toBeLessThan(1.25);
  process.stdout.write(
    `bytes of a deletion: ${(ours.deleted / without.deleted).toFixed(3)} times those without\n`,
  );
});
