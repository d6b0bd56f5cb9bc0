// A stored value that no version of the program writes is reported as damage of the file, not as a
// bug.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import type { DeadLetter } from '#core/ports.ts';
import { unpackHeaders } from '../../gateway/embedded/record-codec.ts';
import { openFolder, reopening } from './embedded-harness.ts';

const deadLetter: DeadLetter = {
  id: '11111111-2222-5333-8444-555555555555',
  key: null,
  value: new Uint8Array([1]),
  headers: {},
  timestamp: 0,
  reason: 'invalid_event',
  message: 'wrong',
  field: null,
  eventId: null,
  origin: { topic: 'events', partition: 0, offset: 0 },
  failedAt: 0,
  attempts: 0,
  runner: null,
};

test.each([
  ['reason', "UPDATE dead_letters SET reason = 'unheard of'"],
  ['status', "UPDATE dead_letters SET status = '{half'"],
  ['headers', "UPDATE dead_letters SET record_headers = x'0000ffff'"],
])('a dead letter with a damaged %s', async (_, sql) => {
  await using folder = await reopening({ partitions: 1 });
  const found: string[] = [];
  await (await folder.get()).deadLetters.put([deadLetter]);
  await folder.close();
  {
    using database = new DatabaseSync(join(folder.path, 'vectorstream.db'));
    database.exec(sql);
  }
  await using embedded = await openFolder(folder.path, {
    onWorkerExit: ({ code }) => found.push(code),
  });
  const error: unknown = await embedded.deadLetters.get(deadLetter.id).catch((e: unknown) => e);
  expect(error).toMatchObject({
    code: 'corrupt',
    message: expect.stringMatching(/the file is damaged; restore it from a backup/),
  });
  expect(String(error)).not.toMatch(/bug/);
});

test.each([
  ['in the middle of a length', [0, 0, 0]],
  ['before its name', [0, 0, 0, 9, 0, 0, 0, 0, 65]],
  ['before its value', [0, 0, 0, 1, 0, 0, 0, 9, 65]],
])('headers that end %s', (_, bytes) => {
  expect(() => unpackHeaders(Uint8Array.from(bytes))).toThrow(/the file is damaged/);
});
