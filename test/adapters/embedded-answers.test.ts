// Whoever hears that something is written can see it: nothing is answered before its transaction is
// committed.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { reopening } from './embedded-harness.ts';

/** So many that their commit takes longer than the answer to them. */
const recordsPerAppend = 1_000;
const records = Array.from({ length: recordsPerAppend }, () => ({
  key: null,
  value: new Uint8Array(1_000),
  headers: {},
  timestamp: 0,
}));

test('what was answered is seen by others at once', async () => {
  await using folder = await reopening({ partitions: 1 });
  const { sink } = await folder.get();
  using other = new DatabaseSync(join(folder.path, 'vectorstream.db'), { readOnly: true });
  const last = other.prepare('SELECT max(record_offset) + 1 AS count FROM log_0');
  for (let appends = 1; appends <= 20; appends++) {
    await sink.append(records);
    expect(last.get()).toEqual({ count: appends * recordsPerAppend });
  }
});
