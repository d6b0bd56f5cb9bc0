// A topic that holds something else than events is named once in the log, with an example.

import { expect, test } from 'vitest';
import { ownEventTypes } from '#core/event/event-types.ts';
import type { DeadLetter, DeadLetterReason, Delivery } from '#core/ports.ts';
import type { Live } from '../../gateway/live/live.ts';
import { pipelineObserver } from '../../gateway/startup/observers.ts';
import { createLog } from '../../gateway/telemetry/gateway-log.ts';
import { Telemetry } from '../../gateway/telemetry/metrics/metrics.ts';
import { eventRecord } from '../conformance/store-records.ts';

const utf8 = new TextEncoder();
const deadLetter = (offset: number, reason: DeadLetterReason = 'invalid_event'): DeadLetter => ({
  id: '00000000-0000-5000-8000-000000000001',
  origin: { topic: 'orders', partition: 3, offset },
  key: null,
  value: utf8.encode('{"order": 7, "customer": "Ada"}'),
  headers: {},
  timestamp: 5,
  reason,
  message: 'event_type: got "Ada", allowed: one of view, purchase',
  field: 'event_type',
  eventId: null,
  failedAt: 1_700_000_000_000,
  attempts: 1,
  runner: null,
});
const delivery: Delivery = {
  ...deadLetter(1),
  position: { topic: 'orders', partition: 0, offset: 1 },
  settle: () => undefined,
};

function observed(level: 'info' | 'trace' = 'info') {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({
    level,
    format: 'json',
    secrets: new Set(),
    destination: { write: (line) => void lines.push(JSON.parse(line)) },
  });
  const live: Pick<Live, 'stored' | 'deadLettered'> = {
    stored: () => undefined,
    deadLettered: () => undefined,
  };
  const observer = pipelineObserver({
    telemetry: new Telemetry(),
    live,
    versions: { add: () => undefined },
    timestamps: { add: () => undefined },
    eventTypes: ownEventTypes,
    erasures: { cameAgain: () => undefined },
    log,
  });
  return {
    lines,
    store: (count: number) => {
      for (let n = 0; n < count; n++) observer.stored(0, eventRecord(n).event, delivery);
    },
    fail: (count: number, reason?: DeadLetterReason) => {
      for (let n = 0; n < count; n++) observer.deadLettered(deadLetter(n, reason), null);
    },
  };
}

test('100,000 records that are no events are one line with the topic and one of them', () => {
  const { lines, fail } = observed();
  fail(100_000);
  expect(lines).toMatchObject([
    {
      level: 40,
      topic: 'orders',
      partition: 3,
      offset: 199,
      reason: 'invalid_event',
      field: 'event_type',
      dead_letter_id: '00000000-0000-5000-8000-000000000001',
    },
  ]);
  expect(lines[0]?.['msg']).toContain('almost no record of this topic is an event');
  expect(JSON.stringify(lines)).not.toContain('Ada');
});

test('no level of the log quotes a refused value', () => {
  const { lines, fail } = observed('trace');
  fail(1_000);
  expect(lines).toHaveLength(1_001);
  expect(JSON.stringify(lines)).not.toContain('Ada');
});

test('its end is one line too, and it may begin again', () => {
  const { lines, store, fail } = observed();
  fail(400);
  store(1_000);
  fail(400);
  expect(lines.map(({ level }) => level)).toEqual([40, 30, 40]);
});

test('bad events among good ones, and what store or runner refuse, are not named', () => {
  const { lines, store, fail } = observed();
  for (let round = 0; round < 50; round++) {
    fail(9);
    store(1);
  }
  fail(1_000, 'store_rejected');
  fail(1_000, 'embedding_failed');
  expect(lines).toEqual([]);
});
