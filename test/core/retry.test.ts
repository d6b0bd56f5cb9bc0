// Retries keep their bounds on attempts and waits, and end as soon as the signal aborts.

import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { backoffMs, retry, type RetryOptions } from '#core/time/retry.ts';

const policy = { attemptsMax: 5, delayMs: 100, delayMsMax: 1000 };

function setUp(options: Partial<RetryOptions> = {}) {
  const clock = new ManualClock();
  const controller = new AbortController();
  const waits: number[] = [];
  let calls = 0;
  const start = (failures: number) => {
    const operation = async () => {
      if (++calls <= failures) throw new Error(`failure ${calls}`);
      return `success ${calls}`;
    };
    return retry(operation, {
      policy,
      clock,
      random: () => 0.5,
      signal: controller.signal,
      retryable: () => true,
      onRetry: (_error, _attempt, delayMs) => waits.push(delayMs),
      ...options,
    });
  };
  return { clock, controller, waits, start, calls: () => calls };
}

/** Handles the rejection at once, so that time can pass before the test checks it. */
function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no failure',
    (error: Error) => error.message,
  );
}

test('waits double up to the bound, each with full jitter', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(12),
      fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), {
        minLength: 12,
        maxLength: 12,
      }),
      async (failures, randoms) => {
        let drawn = 0;
        const { clock, waits, start, calls } = setUp({
          policy: { ...policy, attemptsMax: Infinity },
          random: () => randoms[drawn++] ?? 0,
        });
        const done = start(failures);
        await clock.advance(13_000);
        expect(await done).toBe(`success ${failures + 1}`);
        expect(calls()).toBe(failures + 1);
        expect(waits).toEqual(
          randoms
            .slice(0, failures)
            .map((random, index) => random * Math.min(1000, 100 * 2 ** index)),
        );
      },
    ),
    { numRuns: 40 },
  );
  expect(backoffMs(policy, 5000)).toBe(1000);
});

test('the last error is thrown when the attempts are used up', async () => {
  const { clock, start, calls, waits } = setUp();
  const failure = failureOf(start(99));
  await clock.advance(10_000);
  expect(await failure).toBe('failure 5');
  expect(calls()).toBe(5);
  expect(waits).toEqual([50, 100, 200, 400]);
});

test('a delay that would end too late is skipped, and the error is thrown at once', async () => {
  const { clock, start, waits } = setUp({ giveUpAt: 200 });
  const failure = failureOf(start(99));
  await clock.advance(150);
  expect(await failure).toBe('failure 3');
  expect(waits).toEqual([50, 100]);
});

test('a non-retryable error is thrown at once', async () => {
  const { start, calls, waits } = setUp({ retryable: () => false });
  await expect(start(99)).rejects.toThrow('failure 1');
  expect(calls()).toBe(1);
  expect(waits).toEqual([]);
});

test('an abort ends the wait with its reason, and leaves no listener and no sleeper', async () => {
  const { clock, controller, start, calls } = setUp();
  const failure = failureOf(start(99));
  await clock.advance(1);
  expect(clock.sleeping).toBe(1);
  controller.abort(new Error('shutting down'));
  expect(await failure).toBe('shutting down');
  expect(calls()).toBe(1);
  expect(clock.sleeping).toBe(0);
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
});

test('many delays leave no listener either', async () => {
  const { clock, controller, start } = setUp();
  const done = start(4);
  await clock.advance(10_000);
  expect(await done).toBe('success 5');
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
});

test('no attempt is made once the signal has aborted', async () => {
  const { controller, start, calls } = setUp();
  controller.abort(new Error('too late'));
  await expect(start(0)).rejects.toThrow('too late');
  expect(calls()).toBe(0);
});

test('an operation that fails due to the abort is not retried; its error is thrown', async () => {
  const { controller, start, waits } = setUp({
    retryable: () => {
      throw new Error('not asked');
    },
  });
  const failure = failureOf(start(99));
  controller.abort(new Error('shutting down'));
  expect(await failure).toBe('failure 1');
  expect(waits).toEqual([]);
});
