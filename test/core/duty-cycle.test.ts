// A lent machine works its share of the time and no more, at any job length. A larger share takes
// effect at once.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { DutyCycle, shareMin } from '#core/time/duty-cycle.ts';
import { always } from '#core/time/fair-queue.ts';

/**
 * Does jobs of these lengths one after another until `untilMs`. Returns the time that it worked,
 * and when each job began.
 */
function keepWorking(
  clock: ManualClock,
  duty: DutyCycle,
  jobsMs: readonly number[],
  untilMs: number,
): { workedMs: number; readonly begun: number[] } {
  const seen = { workedMs: 0, begun: [] as number[] };
  void (async () => {
    for (let job = 0; clock.monotonic() < untilMs; job++) {
      const ms = jobsMs[job % jobsMs.length] ?? 1;
      await duty.during(async () => {
        seen.begun.push(clock.monotonic());
        await clock.sleep(ms);
        seen.workedMs += ms;
      });
    }
  })();
  return seen;
}

describe('a duty cycle', () => {
  test('works exactly its share of the time with any mixture of jobs', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 800 }), { minLength: 1, maxLength: 4 }),
        fc.constantFrom(0.1, 0.25, 0.5, 0.9),
        async (jobsMs, share) => {
          const clock = new ManualClock();
          const duty = new DutyCycle(always, clock);
          duty.share = share;
          const seen = keepWorking(clock, duty, jobsMs, 60_000);
          await clock.advance(60_000);
          const slack = Math.max(...jobsMs);
          expect(seen.workedMs).toBeLessThanOrEqual(60_000 * share + slack);
          expect(seen.workedMs).toBeGreaterThanOrEqual(60_000 * share - slack);
          await clock.advance(20_000);
        },
      ),
      { numRuns: 20 },
    );
  });

  test("never rests at a full share, or longer than a job's deadline allows", async () => {
    const clock = new ManualClock();
    const duty = new DutyCycle(always, clock);
    const full = keepWorking(clock, duty, [50], 1_000);
    await clock.advance(1_000);
    expect(full.workedMs).toBe(1_000);
    duty.share = 0;
    expect(duty.share).toBe(shareMin);
    const slow = keepWorking(clock, duty, [9_000], 20_000);
    await clock.advance(60_000);
    expect(slow.begun[1]).toBeLessThanOrEqual((slow.begun[0] ?? 0) + 9_000 + 10_000);
  });

  test('a larger share shortens the present rest, and idle time counts as rest', async () => {
    const clock = new ManualClock();
    const duty = new DutyCycle(always, clock);
    duty.share = 0.1;
    const seen = keepWorking(clock, duty, [500], 1_000);
    await clock.advance(1_000);
    expect(seen.begun).toEqual([0]);
    duty.share = 0.5;
    await clock.advance(0);
    expect(seen.begun).toEqual([0, 1_000]);
    await clock.advance(10_000);
    let begun = false;
    void duty.during(async () => {
      begun = true;
    });
    await clock.advance(0);
    expect(begun).toBe(true);
    expect(clock.sleeping).toBe(0);
  });

  test('passes on what the work throws', async () => {
    const duty = new DutyCycle(always, new ManualClock());
    await expect(
      duty.during(async () => {
        throw new Error('device lost');
      }),
    ).rejects.toThrow('device lost');
  });
});
