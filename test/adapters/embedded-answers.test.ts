// A write is answered only after its transaction was committed, so that every reader sees it.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { reopening } from './embedded-harness.ts';

/** Enough that the commit takes longer than the answer. */
const recordsPerAppend = 1_000;
const records = Array.from({ length: recordsPerAppend }, () => ({
  key: null,
  value: new Uint8Array(1_000),
  headers: {},
  timestamp: 0,
}));

test('other connections see an answered write at once', async () => {
  await using folder = await reopening({ partitions: 1 });
  const { sink } = await folder.get();
  using other = new DatabaseSync(join(folder.path, 'vectorstream.db'), { readOnly: true });
  const last = other.prepare('SELECT max(record_offset) + 1 AS count FROM log_0');
  for (let appends = 1; appends <= 20; appends++) {
    await sink.append(records);
    expect(last.get()).toEqual({ count: appends * recordsPerAppend });
  }
});
