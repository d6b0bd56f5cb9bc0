// What one record becomes: its events in the store and its dead letters, in the end exactly one
// outcome.

import { expect, test } from 'vitest';
import { changeKinds, type ChangeKind } from '#core/event/known-members.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import { connectPrefix, firstTimestampHeader, refusedHeader } from '#core/event/record-id.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { processDelivery, type Stages } from '#core/pipeline/process-delivery.ts';
import type { DeadLetter, Delivery, EventRecord, LogRecord, Outcome } from '#core/ports.ts';

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
  const stages: Stages = {
    clock: new ManualClock(startsAt),
    eventLimits,
    texts: { ensure: () => Promise.resolve({ ok: true }), forget: () => undefined },
    writeEvent(record) {
      stored.push(record);
      return Promise.resolve({ status: 'stored' });
    },
    writeDeadLetter(letter) {
      letters.push(letter);
      return Promise.resolve();
    },
    observer: {
      stored: () => undefined,
      superseded: () => undefined,
      changed: (kinds) => changes.push(...kinds),
      deadLettered: () => undefined,
    },
  };
  const process = (value: unknown, record: Partial<LogRecord> = {}, offset = 7) => {
    const delivery: Delivery = {
      key: null,
      value: bytesOf(typeof value === 'string' ? value : JSON.stringify(value)),
      headers: {},
      timestamp: startsAt,
      ...record,
      position: { topic: 'shop', partition: 1, offset },
      settle: (outcome) => outcomes.push(outcome),
    };
    return processDelivery(delivery, stages);
  };
  const ids = () => stored.map(({ event }) => event.eventId);
  return { process, stored, letters, outcomes, changes, ids };
}

test('a record without an event_id has the same id whenever it is read, and another has another', async () => {
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
