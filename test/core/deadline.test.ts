// Holds deadlines and rests to the clock: they end on time, and leave no timer behind.

import { expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { startDeadline, within } from '#core/time/deadline.ts';
import { rest } from '#core/time/rest.ts';

const late = () => 'late';
const reason = () => new Error('no answer in 10 ms');

test('work that is in time keeps its result, and its failure', async () => {
  const clock = new ManualClock();
  expect(await within(Promise.resolve(7), { ms: 10, clock, late })).toBe(7);
  await expect(within(Promise.reject(new Error('no')), { ms: 10, clock, late })).rejects.toThrow(
    'no',
  );
  expect(clock.sleeping).toBe(0);
});

test('late work gets its replacement result at the deadline', async () => {
  const clock = new ManualClock();
  const result = within(new Promise(() => {}), { ms: 10, clock, late });
  await clock.advance(10);
  expect(await result).toBe('late');
});

test('a deadline aborts its signal with the reason, unless it was disposed before', async () => {
  const clock = new ManualClock();
  const missed = startDeadline({ ms: 10, clock, reason });
  const met = startDeadline({ ms: 10, clock, reason });
  met[Symbol.dispose]();
  await clock.advance(10);
  expect([missed.signal.aborted, met.signal.aborted]).toEqual([true, false]);
  expect(missed.signal.reason).toEqual(new Error('no answer in 10 ms'));
});

test('a rest says whether the time passed or the signal ended it', async () => {
  const clock = new ManualClock();
  const stop = new AbortController();
  const whole = rest(clock, 10);
  const short = rest(clock, 10, stop.signal);
  stop.abort();
  await clock.advance(10);
  expect([await whole, await short]).toEqual([true, false]);
});
