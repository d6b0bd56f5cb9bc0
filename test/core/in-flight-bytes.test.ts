// The bound on the bytes of unsettled events counts the headers of their records.

import { expect, test } from 'vitest';
import { nothingErased } from '#core/erasure/tombstones.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import { recordBytes } from '#core/event/record-bytes.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryDeadLetters } from '#core/memory/memory-dead-letters.ts';
import { createMemoryLog } from '#core/memory/memory-log.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { defaultPipelineLimits, runPipeline } from '#core/pipeline/pipeline.ts';
import type { LogRecord } from '#core/ports.ts';
import { silentObserver } from '../helpers/silent-observer.ts';

const startsAt = Date.UTC(2026, 10, 23, 12);

function recordOf(n: number): LogRecord {
  const event = {
    event_id: `e${n}`,
    timestamp: '2026-11-23T11:00:00Z',
    user_id: 'u',
    session_id: 's',
    event_type: 'view',
    product: { id: `p${n}`, name: `product ${n}`, price: 5 },
  };
  return {
    key: null,
    value: new TextEncoder().encode(JSON.stringify(event)),
    headers: { large: new Uint8Array(100_000) },
    timestamp: startsAt,
  };
}

test('events with large headers wait outside the pipeline once the bound is reached', async () => {
  const clock = new ManualClock(startsAt);
  const log = createMemoryLog({ unsettledMax: 1_000, batchMax: 100 });
  const records = Array.from({ length: 50 }, (_, n) => recordOf(n));
  await log.sink.append(records);
  const stop = new AbortController();
  const inHand = new Set<string>();
  const pipeline = runPipeline({
    erased: nothingErased,
    source: log.source('group'),
    store: createMemoryStore({ dimensions: 4, now: () => clock.now() }),
    deadLetters: createMemoryDeadLetters(),
    embedding: {
      async embed(text, { signal }) {
        inHand.add(text);
        await clock.sleep(1e9, signal);
        throw new Error('no runner answers in this test');
      },
    },
    clock,
    random: () => 0.5,
    limits: { ...defaultPipelineLimits, event: eventLimits, unsettledBytesMax: 1_000_000 },
    observer: silentObserver,
    isDistrusted: () => false,
    signal: stop.signal,
  });
  await clock.advance(1_000);
  // The last event that enters may exceed the bound.
  expect(inHand.size).toBe(Math.ceil(1_000_000 / recordBytes(recordOf(10))));
  stop.abort();
  await clock.advance(0);
  await pipeline;
});
