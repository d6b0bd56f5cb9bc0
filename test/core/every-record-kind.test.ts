// Every kind of record that topics hold ends in the pipeline as it should, and none holds up the
// others.

import { expect, test } from 'vitest';
import { nothingErased } from '#core/erasure/tombstones.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { processDelivery, type Stages } from '#core/pipeline/process-delivery.ts';
import type { Outcome } from '#core/ports.ts';
import { mappingsOf } from '../../gateway/config/record-mappings.ts';
import { kindMappings, type RecordKind, recordKinds } from '../helpers/record-kinds.ts';
import { silentObserver } from '../helpers/silent-observer.ts';

const startsAt = Date.UTC(2026, 10, 23, 12);
const settings = { strict: false, timeZone: 'UTC', mappings: kindMappings };

/** How it ended, how many events were stored, and the messages of its dead letters. */
async function processed({ key, value, headers }: RecordKind) {
  const messages: string[] = [];
  const outcomes: Outcome[] = [];
  const ids = new Set<string>();
  const stages: Stages = {
    clock: new ManualClock(startsAt),
    eventLimits,
    mappings: mappingsOf({ events: settings, kafka: { topics: [] } }),
    schemaOf: () => null,
    texts: { ensure: () => Promise.resolve({ ok: true }), forget: () => undefined },
    writeEvent({ event }) {
      ids.add(event.id);
      return Promise.resolve({ status: 'stored' });
    },
    tell: null,
    writeDeadLetter({ message }) {
      messages.push(message);
      return Promise.resolve();
    },
    erased: nothingErased,
    deleteOlder: () => Promise.reject(new Error('no mapping deletes')),
    observer: silentObserver,
  };
  const sent = Object.entries(headers).map(([name, bytes]) => [name, bytes ?? new Uint8Array()]);
  const delivery = {
    key,
    value: value ?? new Uint8Array(),
    ...(value === null && { isTombstone: true }),
    headers: Object.fromEntries(sent),
    timestamp: startsAt,
    position: { topic: 'shop', partition: 0, offset: 7 },
    attempt: 1,
    settle: (outcome: Outcome) => void outcomes.push(outcome),
  };
  await processDelivery(delivery, stages, new Map());
  return { status: outcomes.map(({ status }) => status).join(), events: ids.size, messages };
}

/** Status, events and, for each dead letter, whether its message says what it should. */
const expected = (end: RecordKind['end']): readonly [string, number, readonly boolean[]] =>
  end === 'ignored'
    ? ['ignored', 0, []]
    : typeof end === 'number'
      ? ['stored', end, []]
      : ['dead-lettered', 0, [true]];

test.each(recordKinds)('$name', async (kind) => {
  const { end } = kind;
  const { status, events, messages } = await processed(kind);
  const areRight = messages.map((message) => end instanceof RegExp && end.test(message));
  expect([status, events, areRight], messages.join()).toEqual(expected(end));
});
