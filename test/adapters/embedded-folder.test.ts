// A data folder belongs to one process and one index, and refuses others with a clear error; the
// log keeps its bounds.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { IndexMismatchError, LogFullError, UsageError } from '#core/errors/errors.ts';
import { uuidV5 } from '#core/event/uuid.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { openStatus, type DeadLetter, type LogRecord } from '#core/ports.ts';
import {
  eventIdOf,
  eventRecord,
  noon,
  rivalEvent,
  textRecord,
} from '../conformance/store-records.ts';
import { identity, openFolder, reopening, temporaryFolder } from './embedded-harness.ts';

const recordOf = (n: number, bytes = 10, timestamp = 0): LogRecord => ({
  key: null,
  value: new Uint8Array(bytes).fill(n),
  headers: {},
  timestamp,
});

/** Opens the folder in another process and leaves it open. */
async function holder(path: string): Promise<ReturnType<typeof fork>> {
  const child = fork(fileURLToPath(new URL('./embedded-holder.ts', import.meta.url)), [path], {
    execArgv: [],
  });
  await once(child, 'message');
  return child;
}

describe('a data folder', () => {
  it('refuses a second process and names the first; SIGKILL of the first frees it', async () => {
    await using folder = await temporaryFolder();
    const first = await holder(folder.path);
    const refused = await openFolder(folder.path).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(UsageError);
    expect(String(refused)).toContain(folder.path);
    expect(String(refused)).toContain(`process ${first.pid}`);
    first.kill('SIGKILL');
    await once(first, 'exit');
    await using embedded = await openFolder(folder.path);
    expect(await embedded.store.counts()).toEqual({ texts: 0, events: 0 });
  });

  it('cannot be opened twice in one process', async () => {
    await using folder = await temporaryFolder();
    await using first = await openFolder(folder.path);
    await expect(openFolder(folder.path)).rejects.toThrow(UsageError);
    expect(await first.store.counts()).toEqual({ texts: 0, events: 0 });
  });

  it('of another model refuses this one, names both and says what to do', async () => {
    await using folder = await temporaryFolder();
    await (await openFolder(folder.path))[Symbol.asyncDispose]();
    for (const other of [
      { modelId: 'other-model' },
      { modelRevision: 'r2' },
      { dimensions: 16 },
      { templateHash: 't2' },
    ]) {
      const error = await openFolder(folder.path, { identity: { ...identity, ...other } }).catch(
        (caught: unknown) => caught,
      );
      expect(error).toBeInstanceOf(IndexMismatchError);
      expect(String(error)).toContain(identity.modelId);
      expect(String(error)).toContain(String(Object.values(other)[0]));
      expect(String(error)).toMatch(/another data folder/);
    }
  });

  it('of a compatible revision is used, and keeps its revision for older versions', async () => {
    await using folder = await temporaryFolder();
    await (await openFolder(folder.path))[Symbol.asyncDispose]();
    const newer = { modelRevision: 'r2', compatibleRevisions: ['r0', identity.modelRevision] };
    {
      await using embedded = await openFolder(folder.path, { identity: { ...identity, ...newer } });
      await embedded.store.putTexts([textRecord(1)]);
    }
    await using embedded = await openFolder(folder.path);
    expect(await embedded.store.counts()).toEqual({ texts: 1, events: 0 });
  });

  it('of schema 2 is upgraded, so that its events are found by product', async () => {
    await using folder = await temporaryFolder();
    {
      await using embedded = await openFolder(folder.path);
      await embedded.store.putTexts([textRecord(1), textRecord(2)]);
      await embedded.store.putEvents([
        eventRecord(1, { text: 1 }),
        eventRecord(2, { text: 2, productId: 'twin' }),
        eventRecord(3, { text: 2, eventType: 'search' }),
      ]);
    }
    {
      using database = new DatabaseSync(join(folder.path, 'vectorstream.db'));
      database.exec('DROP TABLE product_texts; PRAGMA user_version = 2');
    }
    await using embedded = await openFolder(folder.path);
    const eventsOf = async (productId: string) =>
      (await embedded.store.events({ productId }, 10)).map(({ id }) => id);
    expect([await eventsOf('p1'), await eventsOf('twin'), await eventsOf('p2')]).toEqual([
      [eventRecord(1).event.id],
      [eventRecord(2).event.id],
      [],
    ]);
    expect(await embedded.store.putEvents([eventRecord(4, { text: 1 })])).toEqual([
      { status: 'stored' },
    ]);
    expect(await eventsOf('p1')).toHaveLength(2);
  });

  it('without raw ids gets them, and its events conflict with none', async () => {
    await using folder = await temporaryFolder();
    {
      await using embedded = await openFolder(folder.path);
      await embedded.store.putTexts([textRecord(1), textRecord(2)]);
      await embedded.store.putEvents([eventRecord(1), eventRecord(2)]);
    }
    {
      using database = new DatabaseSync(join(folder.path, 'vectorstream.db'));
      database.exec('ALTER TABLE events DROP COLUMN raw_id');
    }
    await using embedded = await openFolder(folder.path);
    expect(
      await embedded.store.putEvents([
        eventRecord(2),
        rivalEvent(noon),
        rivalEvent(noon + 1),
        eventRecord(1, { timestamp: noon + 2 }),
      ]),
    ).toEqual([
      { status: 'superseded' },
      { status: 'superseded' },
      { status: 'stored' },
      { status: 'id-conflict', rawId: eventIdOf(1) },
    ]);
  });

  it('of a newer version is refused', async () => {
    await using folder = await temporaryFolder();
    await (await openFolder(folder.path))[Symbol.asyncDispose]();
    const file = new DatabaseSync(join(folder.path, 'vectorstream.db'));
    file.exec('PRAGMA user_version = 99');
    file.close();
    await expect(openFolder(folder.path)).rejects.toThrow(/newer VectorStream \(schema 99/);
  });

  it('of schema 1 keeps its dead letters, which get a status', async () => {
    await using folder = await temporaryFolder();
    const deadLetter: DeadLetter = {
      ...recordOf(1),
      id: uuidV5('events/0/1'),
      origin: { topic: 'events', partition: 0, offset: 1 },
      reason: 'not_json',
      message: 'x',
      field: null,
      eventId: null,
      failedAt: 1,
      attempts: 1,
      runner: null,
    };
    const first = await openFolder(folder.path);
    await first.deadLetters.put([deadLetter]);
    await first[Symbol.asyncDispose]();
    const file = new DatabaseSync(join(folder.path, 'vectorstream.db'));
    file.exec(
      `ALTER TABLE dead_letters DROP COLUMN status;
      ALTER TABLE dead_letters DROP COLUMN value_bytes; PRAGMA user_version = 1`,
    );
    file.close();
    await using second = await openFolder(folder.path);
    expect(await second.deadLetters.get(deadLetter.id)).toMatchObject({
      id: deadLetter.id,
      ...openStatus,
      valueBytes: 10,
    });
    await second.deadLetters.setStatus([
      { id: deadLetter.id, status: { ...openStatus, state: 'purged' } },
    ]);
    expect(await second.deadLetters.get(deadLetter.id)).toMatchObject({
      state: 'purged',
      value: new Uint8Array(),
      valueBytes: 10,
    });
  });

  it('with another file in place of the database is a clear error', async () => {
    await using folder = await temporaryFolder();
    await writeFile(
      join(folder.path, 'vectorstream.db'),
      'This is a text file, and a long one. '.repeat(1000),
    );
    const error = await openFolder(folder.path).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).toMatch(/vectorstream\.db is damaged or not a database/);
  });

  it('that cannot be created is a clear error', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'file'), '');
    for (const path of [join(folder.path, 'file'), join(folder.path, 'file', 'below')]) {
      const error = await openFolder(path).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(UsageError);
      expect(String(error)).toContain(`The data folder ${path} cannot be used`);
    }
  });

  it.skipIf(process.getuid?.() === 0)(
    'that is read-only is a clear error (skipped as root, who may write anywhere)',
    async () => {
      await using folder = await temporaryFolder();
      await mkdir(join(folder.path, 'locked'), { mode: 0o500 });
      await expect(openFolder(join(folder.path, 'locked'))).rejects.toThrow(UsageError);
    },
  );

  it('ends every call when its workers are killed', async () => {
    await using folder = await temporaryFolder();
    const deaths: string[] = [];
    const embedded = await openFolder(folder.path, {
      onWorkerExit: (error) => deaths.push(error.code),
    });
    const calls = Array.from({ length: 5 }, () => embedded.store.counts());
    await Promise.all(calls);
    const pending = embedded.sink.append([recordOf(1)]).then(
      () => 'answered',
      () => 'rejected',
    );
    await embedded.kill();
    expect(['answered', 'rejected']).toContain(await pending);
    await expect(embedded.store.counts()).rejects.toMatchObject({ code: 'worker_stopped' });
    expect(deaths).toEqual([]);
  });
});

describe('the embedded log', () => {
  it('accepts a record above its bound of unread bytes when nothing waits', async () => {
    await using folder = await reopening({
      partitions: 1,
      log: { unreadBytesMax: 10_000, retentionBytes: 0, retentionMs: 0 },
    });
    const { sink } = await folder.get();
    expect(await sink.append([recordOf(1, 20_000)])).toHaveLength(1);
    await expect(sink.append([recordOf(2, 1)])).rejects.toThrow(LogFullError);
  });

  it('refuses records above its bound of unread bytes, until the group has read', async () => {
    await using folder = await reopening({
      partitions: 1,
      log: { unreadBytesMax: 10_000, retentionBytes: 0, retentionMs: 0 },
    });
    const embedded = await folder.get();
    const source = await embedded.source('group', { commitMs: 1 });
    await embedded.sink.append([recordOf(1, 6_000)]);
    const full = await embedded.sink.append([recordOf(2, 6_000)]).catch((error: unknown) => error);
    expect(full).toBeInstanceOf(LogFullError);
    expect(full).toMatchObject({ retryable: true });
    for await (const batch of source.deliveries(new AbortController().signal)) {
      for (const delivery of batch) delivery.settle({ status: 'stored' });
      break;
    }
    await source[Symbol.asyncDispose]();
    const again = await embedded.source('group');
    expect(await embedded.sink.append([recordOf(2, 6_000)])).toEqual([
      { topic: 'events', partition: 0, offset: 1 },
    ]);
    await again[Symbol.asyncDispose]();
  });

  it.each([
    ['age', { retentionBytes: 2 ** 30, retentionMs: 60_000 }, 8],
    ['size', { retentionBytes: 3 * 30, retentionMs: 2 ** 40 }, 11],
    ['neither', { retentionBytes: 2 ** 30, retentionMs: 2 ** 40 }, 20],
  ])('deletes by %s only what the group has committed', async (_name, retention, left) => {
    const clock = new ManualClock(1_000_000);
    await using folder = await reopening({
      partitions: 1,
      clock,
      log: { unreadBytesMax: 2 ** 30, ...retention },
    });
    const embedded = await folder.get();
    // Each counts as 30 bytes in the log.
    await embedded.sink.append(Array.from({ length: 20 }, (_, n) => recordOf(n, 10, 1_000_000)));
    const reader = await embedded.source('group');
    for await (const batch of reader.deliveries(new AbortController().signal)) {
      for (const delivery of batch.slice(0, 12)) delivery.settle({ status: 'stored' });
      break;
    }
    await reader[Symbol.asyncDispose]();
    const group = await embedded.source('group');
    // A new group reads what is left.
    const recordsLeft = async (): Promise<number | undefined> => {
      await clock.advance(100_000);
      const probe = await embedded.source(`probe ${clock.now()}`);
      const [lag] = await probe.lag();
      await probe[Symbol.asyncDispose]();
      return lag?.lag;
    };
    await expect.poll(recordsLeft).toBe(left);
    // Later passes of retention change nothing more.
    expect([await recordsLeft(), await recordsLeft()]).toEqual([left, left]);
    expect(await group.lag()).toEqual([{ topic: 'events', partition: 0, lag: 8 }]);
    await group[Symbol.asyncDispose]();
  });

  it('keeps its partitions and offsets over restarts, and never reduces them', async () => {
    await using folder = await temporaryFolder();
    for (const [partitions, expected] of [
      [3, 3],
      [1, 3],
      [4, 4],
    ] as const) {
      await using embedded = await openFolder(folder.path, { partitions });
      await embedded.sink.append(Array.from({ length: 12 }, (_, n) => recordOf(n)));
      const source = await embedded.source('group');
      expect((await source.lag()).length).toBe(expected);
      await source[Symbol.asyncDispose]();
    }
  });

  it('searches and appends at the same time', async () => {
    await using folder = await reopening();
    const { store, sink } = await folder.get();
    await store.putTexts([textRecord(1)]);
    await store.putEvents([eventRecord(1)]);
    const results = await Promise.all([
      ...Array.from({ length: 20 }, (_, n) => sink.append([recordOf(n)])),
      ...Array.from({ length: 20 }, () =>
        store.search({ vector: textRecord(1).embedding.vector, limit: 1, filter: {} }),
      ),
    ]);
    expect(results.every((result) => result.length === 1)).toBe(true);
  });
});
