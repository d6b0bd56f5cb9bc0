// Both clocks keep the contract of `Clock`, and the manual one wakes sleepers in order.

import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { systemClock } from '#core/time/clock.ts';

describe.each([
  ['system', () => systemClock],
  ['manual', () => new ManualClock()],
])('the %s clock', (_, make) => {
  test('a sleep ends with the reason of its signal, and leaves no listener', async () => {
    const clock = make();
    const controller = new AbortController();
    const sleep = clock.sleep(3_600_000, controller.signal);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    controller.abort(new Error('enough'));
    await expect(sleep).rejects.toThrow('enough');
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  test('a sleep under an aborted signal ends at once', async () => {
    await expect(make().sleep(3_600_000, AbortSignal.abort(new Error('before')))).rejects.toThrow(
      'before',
    );
  });

  test('monotonic time never goes back', () => {
    const clock = make();
    const before = clock.monotonic();
    expect(clock.monotonic()).toBeGreaterThanOrEqual(before);
    expect(clock.now()).toBeGreaterThan(Date.UTC(2020, 0, 1));
  });
});

test('a sleep on the system clock that runs out leaves no listener', async () => {
  const { signal } = new AbortController();
  const before = systemClock.monotonic();
  await systemClock.sleep(2, signal);
  expect(systemClock.monotonic() - before).toBeGreaterThan(0.9);
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

test('an aborted sleep on the system clock leaves no timer', async () => {
  const before = timers();
  const controller = new AbortController();
  const sleep = systemClock.sleep(3_600_000, controller.signal);
  expect(timers()).toBe(before + 1);
  controller.abort(new Error('enough'));
  await expect(sleep).rejects.toThrow('enough');
  expect(timers()).toBe(before);
});

describe('the manual clock', () => {
  test('wakes sleepers in order of their due time, each at its time', async () => {
    const waits = fc.array(fc.nat(100), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(waits, fc.array(fc.nat(40), { maxLength: 5 }), async (durations, steps) => {
        const clock = new ManualClock();
        const woken: { due: number; at: number; order: number }[] = [];
        for (const [order, due] of durations.entries())
          void clock.sleep(due).then(() => woken.push({ due, at: clock.monotonic(), order }));
        for (const step of steps) await clock.advance(step);
        const elapsed = steps.reduce((sum, step) => sum + step, 0);
        const expected = durations
          .map((due, order) => ({ due, at: due, order }))
          .filter(({ due }) => steps.length > 0 && due <= elapsed);
        expect(woken).toEqual(expected.toSorted((a, b) => a.due - b.due || a.order - b.order));
        expect(clock.sleeping).toBe(durations.length - woken.length);
        expect(clock.monotonic()).toBe(elapsed);
      }),
      { numRuns: 50 },
    );
  });

  test('a woken sleeper that sleeps again wakes again within the same advance', async () => {
    const clock = new ManualClock();
    const ticks: number[] = [];
    const ticking = (async () => {
      while (ticks.length < 5) {
        await clock.sleep(10);
        ticks.push(clock.monotonic());
      }
    })();
    await clock.advance(50);
    await ticking;
    expect(ticks).toEqual([10, 20, 30, 40, 50]);
  });

  test('the wall clock can jump without an effect on durations', async () => {
    const clock = new ManualClock(1000);
    await clock.advance(5);
    clock.jump(-500);
    expect(clock.now()).toBe(505);
    expect(clock.monotonic()).toBe(5);
  });

  test('an aborted sleeper is removed', async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const sleeps = Promise.allSettled([
      clock.sleep(10),
      clock.sleep(10, controller.signal),
      clock.sleep(20, controller.signal),
    ]);
    controller.abort();
    expect(clock.sleeping).toBe(1);
    await clock.advance(10);
    expect((await sleeps).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    expect(clock.sleeping).toBe(0);
  });
});
