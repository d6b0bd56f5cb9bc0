// What one record becomes: its events in the store and its dead letters, in the end exactly one
// outcome.

import { expect, test } from 'vitest';
import { nothingErased } from '#core/erasure/tombstones.ts';
import { changeKinds, type ChangeKind } from '#core/event/known-members.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import { connectPrefix, firstTimestampHeader, refusedHeader } from '#core/event/record-id.ts';
import { noMappings, type RecordMapping, recordMapping } from '#core/mapping/record-mapping.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { type EndedParts, processDelivery, type Stages } from '#core/pipeline/process-delivery.ts';
import type {
  DeadLetter,
  Deletion,
  Delivery,
  EventRecord,
  LogRecord,
  Outcome,
} from '#core/ports.ts';
import { silentObserver } from '../helpers/silent-observer.ts';

const startsAt = Date.UTC(2026, 10, 23, 12);
const bytesOf = (text: string) => new TextEncoder().encode(text);

const plain = {
  event_id: 'e-1',
  timestamp: '2026-11-23T10:00:00Z',
  user_id: 'u-1',
  event_type: 'view',
  session_id: 's-1',
  product: { id: 'p-1', name: 'Lantern', price: 12.5 },
};
const { event_id: _, ...withoutId } = plain;

/** A pipeline's stages in memory, and all that happened in them. */
function world() {
  const stored: EventRecord[] = [];
  const letters: DeadLetter[] = [];
  const outcomes: Outcome[] = [];
  const changes: ChangeKind[] = [];
  const received: number[] = [];
  const ignored: string[] = [];
  const deletions: Deletion[] = [];
  const stages: Stages = {
    clock: new ManualClock(startsAt),
    eventLimits,
    mappings: noMappings,
    schemaOf: () => null,
    texts: { ensure: () => Promise.resolve({ ok: true }), forget: () => undefined },
    writeEvent(record) {
      stored.push(record);
      return Promise.resolve({ status: 'stored' });
    },
    tell: null,
    writeDeadLetter(letter) {
      letters.push(letter);
      return Promise.resolve();
    },
    erased: nothingErased,
    deleteOlder(deletion) {
      deletions.push(deletion);
      return Promise.resolve();
    },
    observer: {
      ...silentObserver,
      changed: (kinds) => changes.push(...kinds),
      received: (count) => received.push(count),
      ignored: (kind) => ignored.push(kind),
    },
  };
  const process = (
    value: unknown,
    record: Partial<LogRecord> = {},
    offset = 7,
    by = stages,
    ended: EndedParts = new Map(),
  ) => {
    const delivery: Delivery = {
      key: null,
      value: bytesOf(typeof value === 'string' ? value : JSON.stringify(value)),
      headers: {},
      timestamp: startsAt,
      ...record,
      position: { topic: 'shop', partition: 1, offset },
      settle: (outcome) => outcomes.push(outcome),
    };
    return processDelivery(delivery, by, ended);
  };
  const ids = () => stored.map(({ event }) => event.eventId);
  const seen = { stored, letters, outcomes, changes, received, ignored, deletions };
  return { process, stages, ids, ...seen };
}

test('a record without an event_id has its own id, the same whenever it is read', async () => {
  const { process, ids, changes, outcomes } = world();
  await process(withoutId);
  await process(withoutId);
  await process(withoutId, {}, 8);
  await process(withoutId, { timestamp: startsAt + 1 });
  const [first, again, next, anew] = ids();
  expect(again).toBe(first);
  expect(new Set([first, next, anew]).size).toBe(3);
  expect(changes).toEqual(['event_id', 'event_id', 'event_id', 'event_id']);
  expect(outcomes).toEqual(Array.from({ length: 4 }, () => ({ status: 'stored' })));
});

test('a replayed record has the id of the record that failed first', async () => {
  const { process, ids } = world();
  await process(withoutId, {}, 3);
  const headers = {
    [`${connectPrefix}topic`]: bytesOf('shop'),
    [`${connectPrefix}partition`]: bytesOf('1'),
    [`${connectPrefix}offset`]: bytesOf('3'),
    [firstTimestampHeader]: bytesOf(String(startsAt)),
  };
  await process(withoutId, { headers, timestamp: startsAt + 5000 }, 99);
  expect(ids()[1]).toBe(ids()[0]);
});

test('a dead letter is put only once it is known whom other gateways erased', async () => {
  const { process, stages, letters, outcomes } = world();
  let isKnown = false;
  const erased = {
    get isEmpty() {
      return !isKnown;
    },
    covers: ({ userId }: { readonly userId: string | null }) => userId === plain.user_id,
    async upToDate() {
      isKnown = true;
    },
  };
  await process({ ...plain, event_type: 'nonsense' }, {}, 7, { ...stages, erased });
  expect([letters, outcomes]).toEqual([[], [{ status: 'erased' }]]);
});

test('an invalid event of a request gets no id, and stays invalid', async () => {
  const { process, letters, stored } = world();
  await process(withoutId, { headers: { [refusedHeader]: bytesOf('invalid') } });
  expect(stored).toEqual([]);
  expect(letters).toMatchObject([{ reason: 'invalid_event', field: 'event_id' }]);
});

test('changes of an event count when it is stored, and only then', async () => {
  const { process, changes } = world();
  await process({ ...plain, user_id: 5, product: { ...plain.product, price: -1 } });
  expect(changes).toEqual([]);
  await process({ ...plain, user_id: 5, event_type: 'VIEW' });
  expect(changes).toEqual(['numeric_id', 'event_type']);
  expect(changeKinds).toEqual(expect.arrayContaining(changes));
});

test('a record with several events settles once all have ended, each in its own way', async () => {
  const { process, ids, letters, outcomes, received } = world();
  const bad = { ...plain, product: { ...plain.product, price: -1 } };
  await process([plain, bad, withoutId, bad]);
  expect(ids()).toEqual(['e-1', expect.any(String)]);
  expect(letters).toMatchObject([
    { field: 'product.price', origin: { offset: 7 }, value: bytesOf(JSON.stringify(bad)) },
    { field: 'product.price', origin: { offset: 7 } },
  ]);
  expect(new Set(letters.map(({ id }) => id)).size).toBe(2);
  expect(outcomes).toEqual([{ status: 'dead-lettered', reason: 'invalid_event' }]);
  expect(received).toEqual([3]);
});

test('a dead letter of one event of several is replayed alone, with its own id', async () => {
  const { process, letters, ids } = world();
  const bad = { ...withoutId, event_type: 'teleport' };
  await process([withoutId, bad]);
  await process([withoutId, { ...bad, event_type: 'view' }]);
  const [, , expected] = ids();
  const { value, headers } = letters[0] ?? { value: bytesOf(''), headers: {} };
  const corrected = new TextDecoder().decode(value).replace('teleport', 'view');
  await process(corrected, { headers });
  expect(ids().at(-1)).toBe(expected);
});

test('what has ended is not done again when another event of the record must wait', async () => {
  const { process, stages, ids, outcomes } = world();
  let isDown = true;
  const ended: EndedParts = new Map();
  const flaky: Stages = {
    ...stages,
    writeEvent(record) {
      if (isDown && record.event.eventId === 'e-2') return Promise.reject(new Error('down'));
      return stages.writeEvent(record);
    },
  };
  const events = [plain, { ...plain, event_id: 'e-2' }];
  await expect(process(events, {}, 7, flaky, ended)).rejects.toThrow('down');
  expect([ids(), outcomes]).toEqual([['e-1'], []]);
  isDown = false;
  await process(events, {}, 7, flaky, ended);
  expect([ids(), outcomes]).toEqual([['e-1', 'e-2'], [{ status: 'stored' }]]);
});

test('a tombstone is settled and counted, and leaves nothing else', async () => {
  const { process, letters, stored, outcomes, ignored } = world();
  await process('', { isTombstone: true });
  expect([letters, stored, outcomes, ignored]).toEqual([
    [],
    [],
    [{ status: 'ignored' }],
    ['tombstone'],
  ]);
});

test('a tombstone deletes what is older than it, and is settled after that', async () => {
  const { process, stages, outcomes, ignored, deletions } = world();
  const mappings = {
    ...noMappings,
    tried: [recordMapping({ name: 'mine', delete_by: 'user_id' })],
  };
  const sent = { isTombstone: true, key: bytesOf('anna') };
  let isDown = true;
  const once = { ...stages, mappings };
  const failing: Stages = {
    ...once,
    deleteOlder: (deletion) =>
      isDown ? Promise.reject(new Error('down')) : stages.deleteOlder(deletion),
  };
  await expect(process('', sent, 7, failing)).rejects.toThrow('down');
  expect(outcomes).toEqual([]);
  isDown = false;
  await process('', sent, 7, failing);
  const ahead = stages.eventLimits.timestampAheadMsMax;
  await process('', { ...sent, timestamp: startsAt + 9 * ahead }, 8, once);
  const subject = { kind: 'user', id: 'anna' };
  expect(deletions).toEqual([
    { subject, at: startsAt },
    { subject, at: startsAt + ahead },
  ]);
  expect([outcomes, ignored]).toEqual([[{ status: 'deleted' }, { status: 'deleted' }], []]);
});

test('a record on which its mapping fails is a dead letter, and ends nothing', async () => {
  const { process, stages, letters, outcomes } = world();
  const mapping: RecordMapping = {
    name: 'mine',
    hasItems: false,
    unmet: () => null,
    unmetByValue: () => null,
    placesOf: () => null,
    itemAt: (value) => value,
    deletedBy: () => null,
    eventOf() {
      throw new RangeError('no room \u001b[2J');
    },
  };
  const mappings = { ...noMappings, tried: [mapping] };
  await process({ a: 1 }, {}, 7, { ...stages, mappings });
  expect(letters).toMatchObject([
    {
      reason: 'invalid_event',
      message: expect.stringContaining(String.raw`RangeError: no room \u001b[2J`),
      value: bytesOf('{"a":1}'),
      origin: { offset: 7 },
    },
  ]);
  expect(outcomes).toEqual([{ status: 'dead-lettered', reason: 'invalid_event' }]);
});
