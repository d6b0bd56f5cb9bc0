// The parts of the Kafka dead letters that need no broker: how far the topics were read, how a
// status is encoded, and the index.

import { describe, expect, it } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { openStatus } from '#core/ports.ts';
import {
  createDeadLetterIndex,
  type DeadLetterIndex,
  type IndexedDeadLetter,
} from '../../gateway/kafka/dead-letter-index.ts';
import { deadLetterOfRecord, recordOfDeadLetter } from '../../gateway/kafka/dead-letter-record.ts';
import { recordOfStatus, statusOfRecord } from '../../gateway/kafka/dead-letter-status-record.ts';
import { TopicProgress } from '../../gateway/kafka/topic-progress.ts';

const id = 'a2b1c0d4-1111-5222-8333-444455556666';

describe('the progress in a topic', () => {
  it('is up to date once it has started and everything required was read', () => {
    const progress = new TopicProgress(new ManualClock());
    expect(progress.isUpToDate()).toBe(false);
    progress.start();
    expect(progress.isUpToDate()).toBe(true);
    progress.require('a', 0, 5);
    progress.require('b', 0, 2);
    progress.advance('a', 0, 9);
    expect(progress.isUpToDate()).toBe(false);
    progress.advance('b', 0, 2);
    expect(progress.isUpToDate()).toBe(true);
  });

  it('never requires less than before', () => {
    const progress = new TopicProgress(new ManualClock());
    progress.start();
    progress.require('a', 0, 5);
    progress.require('a', 0, 3);
    progress.advance('a', 0, 4);
    expect(progress.isUpToDate()).toBe(false);
  });

  it('is awaited for a limited time, and leaves no timer behind', async () => {
    const clock = new ManualClock();
    const progress = new TopicProgress(clock);
    progress.start();
    progress.require('a', 0, 2);
    const [short, long] = [progress.upToDate(100), progress.upToDate(1_000)];
    await clock.advance(60);
    progress.advance('a', 0, 1);
    await clock.advance(60);
    expect(await short).toBe(false);
    progress.advance('a', 0, 2);
    expect(await long).toBe(true);
    expect(clock.sleeping).toBe(0);
  });
});

describe('the status of a dead letter as a record', () => {
  it('survives encoding and decoding', () => {
    const status = {
      ...openStatus,
      state: 'replayed',
      replays: 2,
      replay: { at: 5, by: 'key a', position: { topic: 'events', partition: 1, offset: 7 } },
    } as const;
    expect(statusOfRecord(recordOfStatus({ id, status }, 9))).toEqual({ id, status });
  });

  it.each([
    ['not JSON', id, '{"state"'],
    ['an unknown state', id, '{"state":"lost"}'],
    ['a key that is not a UUID', 'x', '{"state":"open"}'],
  ])('is distinguished from %s', (_what, key, value) => {
    const record = { key: Buffer.from(key), value: Buffer.from(value), headers: {}, timestamp: 0 };
    expect(statusOfRecord(record)).toBeNull();
  });
});

const letterOf = (letterId: string, offset: number): IndexedDeadLetter => ({
  id: letterId,
  origin: { topic: 'events', partition: 0, offset },
  key: null,
  value: Buffer.from(`bad ${offset}`),
  valueBytes: 5,
  headers: {},
  timestamp: 1,
  reason: 'not_json',
  message: 'not JSON',
  field: null,
  eventId: null,
  failedAt: 2,
  attempts: 1,
  runner: null,
});
const otherId = 'a2b1c0d4-1111-5222-8333-444455557777';

describe('the index of dead letters', () => {
  const purged = { ...openStatus, state: 'purged' } as const;
  it.each<readonly [string, (index: DeadLetterIndex) => void]>([
    ['added', (index) => index.add([letterOf(otherId, 1), letterOf('no id', 2)])],
    [
      'given a status',
      (index) =>
        index.setStatus([
          { id, status: purged },
          { id: 'no id', status: purged },
        ]),
    ],
  ])(
    'still works after a write whose second dead letter cannot be %s, and keeps none of that write',
    (_, write) => {
      using index = createDeadLetterIndex();
      index.add([letterOf(id, 0)]);
      expect(() => write(index)).toThrow(/constraint/);
      expect(index.stats().byState).toEqual({ open: 1, replayed: 0, purged: 0 });
      index.add([letterOf(otherId, 1)]);
      index.setStatus([{ id: otherId, status: purged }]);
      expect(index.stats().byState).toEqual({ open: 1, replayed: 0, purged: 1 });
      expect(index.get(id)?.state).toBe('open');
    },
  );

  it.each([
    ['id', 'no UUID'],
    ['failed-at', 'yesterday'],
    ['timestamp', 'now'],
    ['attempts', 'many'],
  ])('ignores a foreign record with the %s "%s"', (name, text) => {
    const record = recordOfDeadLetter(letterOf(id, 0));
    const headers = { ...record.headers, [`vectorstream.${name}`]: Buffer.from(text) };
    expect(deadLetterOfRecord(record)).not.toBeNull();
    expect(deadLetterOfRecord({ ...record, headers })).toBeNull();
  });
});
