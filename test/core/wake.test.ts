// A rest ends early when it is called, also by a call that came before it.

import { expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { Wake } from '#core/time/wake.ts';

function resting() {
  const clock = new ManualClock();
  const stop = new AbortController();
  const wake = new Wake();
  const ended: number[] = [];
  const rest = () =>
    wake.rest(clock, 1_000, stop.signal).then(() => void ended.push(clock.monotonic()));
  return { clock, stop, wake, ended, rest };
}

test('a rest lasts as long as it should when nothing happens', async () => {
  const { clock, ended, rest } = resting();
  const over = rest();
  await clock.advance(999);
  expect(ended).toEqual([]);
  await clock.advance(1);
  await over;
  expect(ended).toEqual([1_000]);
});

test('a call ends the rest that runs, and not the one after it', async () => {
  const { clock, wake, ended, rest } = resting();
  const over = rest();
  await clock.advance(400);
  wake.call();
  await over;
  const next = rest();
  await clock.advance(1_000);
  await next;
  expect(ended).toEqual([400, 1_400]);
});

test('a call while the loop works ends the next rest at once', async () => {
  const { wake, ended, rest } = resting();
  wake.call();
  wake.call();
  await rest();
  expect(ended).toEqual([0]);
});

test('a rest ends when the signal aborts', async () => {
  const { stop, ended, rest } = resting();
  const over = rest();
  stop.abort();
  await over;
  expect(ended).toEqual([0]);
});
