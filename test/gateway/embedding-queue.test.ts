// Every caller of the fleet gets its text's end once, at the same cost however many wait.

import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { Fleet } from '#core/fleet/fleet.ts';
import type { TaskResult } from '#core/fleet/task-result.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { EmbeddingQueue } from '../../gateway/fleet/embedding-queue.ts';
import { defaultHubLimits } from '../../gateway/fleet/hub-types.ts';

const failed = (id: string): TaskResult => ({
  id,
  ok: false,
  code: 'embedding_failed',
  message: 'It kills runners.',
  attempts: 3,
  runner: 'r',
});

/** A queue without runners, in which `count` texts wait under one signal. */
function waiting(count: number) {
  const fleet = new Fleet(defaultHubLimits);
  const queue = new EmbeddingQueue(fleet, {
    clock: new ManualClock(),
    limits: defaultHubLimits,
    onSubmit: () => undefined,
  });
  const stop = new AbortController();
  const { signal } = stop;
  const ends = Promise.allSettled(
    Array.from({ length: count }, (_, n) => queue.embed(`text ${n}`, { priority: 'bulk', signal })),
  );
  return { fleet, queue, stop, ends, listeners: () => getEventListeners(signal, 'abort').length };
}

test('texts that wait under one signal share one listener, and the last removes it', async () => {
  const { queue, ends, listeners } = waiting(5_000);
  expect(listeners()).toBe(1);
  for (let n = 1; n < 5_000; n++) queue.settle([failed(`text-${n}`)], null);
  expect(listeners()).toBe(1);
  queue.settle([failed('text-5000'), failed('text-5000')], null);
  expect(listeners()).toBe(0);
  expect(new Set((await ends).map(({ status }) => status))).toEqual(new Set(['fulfilled']));
});

test('an abort ends all texts of its signal, and no other', async () => {
  const { fleet, queue, stop, ends, listeners } = waiting(3);
  const other = new AbortController();
  const kept = queue.embed('kept', { priority: 'search', signal: other.signal });
  stop.abort(new Error('closing'));
  const reasons = (await ends).map((end) => (end.status === 'rejected' ? end.reason : null));
  expect(reasons).toEqual(Array.from({ length: 3 }, () => new Error('closing')));
  expect([fleet.stats().waiting, listeners()]).toEqual([1, 0]);
  queue.settle([failed('text-4')], null);
  expect(await kept).toMatchObject({ code: 'embedding_failed' });
});

test('closing ends all texts, and leaves no listener', async () => {
  const { fleet, queue, ends, listeners } = waiting(3);
  queue.close();
  expect(await ends).toMatchObject(
    Array.from({ length: 3 }, () => ({ reason: { code: 'fleet_closed' } })),
  );
  expect([fleet.stats().waiting, listeners()]).toEqual([0, 0]);
});
