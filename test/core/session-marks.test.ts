// A session's mark is written before its first work, renewed while it is open, and removed when all
// of its work is checked.

import { expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { SessionMarks } from '#core/trust/session-marks.ts';
import { dimensions } from '../helpers/fake-model.ts';

const checkIntervalMs = 8_000;
const never = new AbortController().signal;

function setUp() {
  const clock = new ManualClock();
  const { provenanceStore } = createMemoryStore({ dimensions, now: () => clock.now() });
  const failures: unknown[] = [];
  let outages = 0;
  let held: Promise<void> | null = null;
  const marks = new SessionMarks({
    provenanceStore: {
      ...provenanceStore,
      mark: async (mark) => {
        if (outages-- > 0) throw new Error('the store is unavailable');
        await held;
        await provenanceStore.mark(mark);
      },
    },
    clock,
    limits: { checkIntervalMs },
    backoff: { delayMs: 100, delayMsMax: 1_000 },
    onFailure: (error) => failures.push(error),
  });
  return {
    clock,
    marks,
    failures,
    stored: () => provenanceStore.marks(),
    fail: (times: number) => {
      outages = times;
    },
    /** The store takes marks only after the returned function was called. */
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return resolve;
    },
  };
}

test('a session begins only when its mark is stored, after growing waits', async () => {
  const { clock, marks, failures, stored, fail } = setUp();
  fail(2);
  let begun = false;
  void marks.begin('s', 5, never).then(() => {
    begun = true;
  });
  await clock.advance(100);
  expect([begun, failures.length]).toEqual([false, 2]);
  await clock.advance(199);
  expect([begun, await stored()]).toEqual([false, []]);
  await clock.advance(1);
  expect(begun).toBe(true);
  expect(await stored()).toEqual([
    { runnerSession: 's', verifiedUntil: 5, renewedAt: clock.now() },
  ]);
});

test('an abort ends the start of a session with its reason', async () => {
  const { clock, marks, fail } = setUp();
  fail(1);
  const stop = new AbortController();
  const begun = marks.begin('s', 0, stop.signal).catch((error: unknown) => error);
  await clock.advance(1);
  stop.abort(new Error('closing'));
  expect(await begun).toEqual(new Error('closing'));
});

test('a mark that arrives after its session has ended is removed', async () => {
  const { marks, stored, hold } = setUp();
  const arrive = hold();
  const ended = new AbortController();
  const begun = marks.begin('s', 0, ended.signal);
  ended.abort();
  marks.end('s');
  await marks.renew();
  arrive();
  await begun;
  expect([await stored(), marks.has('s')]).toMatchObject([[{ runnerSession: 's' }], true]);
  await marks.renew();
  expect(await stored()).toEqual([]);
});

test('an open session is marked each check interval with its verified time', async () => {
  const { clock, marks, stored } = setUp();
  await marks.begin('s', 5, never);
  marks.verified('s', 20);
  marks.verified('s', 10);
  await clock.advance(checkIntervalMs - 1);
  await marks.renew();
  expect(await stored()).toMatchObject([{ verifiedUntil: 5 }]);
  await clock.advance(1);
  await marks.renew();
  expect(await stored()).toMatchObject([{ verifiedUntil: 20, renewedAt: clock.now() }]);
});

test('an ended session keeps its mark until the next renewal; a released one stays', async () => {
  const { marks, stored } = setUp();
  await marks.begin('ended', 0, never);
  await marks.begin('released', 0, never);
  marks.end('ended');
  marks.release('released');
  expect([marks.has('ended'), marks.has('released')]).toEqual([true, false]);
  await marks.renew();
  expect(marks.has('ended')).toBe(false);
  expect(await stored()).toMatchObject([{ runnerSession: 'released' }]);
});

test('flushing writes the verified time of all open sessions', async () => {
  const { marks, stored } = setUp();
  await marks.begin('open', 0, never);
  await marks.begin('ended', 0, never);
  marks.verified('open', 30);
  marks.end('ended');
  await marks.flush();
  expect(await stored()).toMatchObject([{ runnerSession: 'open', verifiedUntil: 30 }]);
});
