// A model that several connections share: those that want it get equal time, and one that is alone
// gets all of it.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { memoryLink } from '#core/memory/memory-channel.ts';
import { decodeJobResult } from '#core/protocol/job-result-frame.ts';
import { runRunnerLoop } from '#core/protocol/runner-loop.ts';
import { encodeMessage, protocolVersion } from '#core/protocol/wire.ts';
import { always, FairQueue, type Turn } from '#core/time/fair-queue.ts';
import { dimensions, fakeEmbedder, fakeVector } from '../helpers/fake-model.ts';

/** Runs jobs of `jobMs` in sequence until `untilMs`; resolves with the time it had, in ms. */
function keepAsking(
  clock: ManualClock,
  turn: Turn,
  jobMs: number,
  untilMs: number,
): { spentMs: number } {
  const had = { spentMs: 0 };
  void (async () => {
    while (clock.monotonic() < untilMs) {
      await turn.during(() => clock.sleep(jobMs));
      had.spentMs += jobMs;
    }
  })();
  return had;
}

describe('the fair queue', () => {
  test('gives equal time, whatever the length of the jobs, to within the longest job', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 2, maxLength: 4 }),
        async (jobsMs) => {
          const clock = new ManualClock();
          const turns = new FairQueue(clock);
          const had = jobsMs.map((jobMs) => keepAsking(clock, turns.join(), jobMs, 20_000));
          await clock.advance(10_000);
          const spent = had.map(({ spentMs }) => spentMs);
          expect(Math.max(...spent) - Math.min(...spent)).toBeLessThanOrEqual(
            2 * Math.max(...jobsMs),
          );
          expect(spent.reduce((sum, ms) => sum + ms)).toBeGreaterThanOrEqual(
            10_000 - Math.max(...jobsMs),
          );
          await clock.advance(15_000);
        },
      ),
      { numRuns: 15 },
    );
  });

  test('takes nothing from others for an idle connection, and saves nothing for it', async () => {
    const clock = new ManualClock();
    const turns = new FairQueue(clock);
    const late = turns.join();
    const busy = keepAsking(clock, turns.join(), 100, 40_000);
    await clock.advance(10_000);
    expect(busy.spentMs).toBe(10_000);
    const other = keepAsking(clock, late, 10, 40_000);
    await clock.advance(10_000);
    expect(Math.abs(other.spentMs - 5_000)).toBeLessThanOrEqual(200);
    expect(Math.abs(busy.spentMs - 15_000)).toBeLessThanOrEqual(200);
    await clock.advance(30_000);
    expect(clock.sleeping).toBe(0);
  });

  test('runs one job at a time, and ends after work that throws', async () => {
    const clock = new ManualClock();
    const turns = new FairQueue(clock);
    const begun: string[] = [];
    const first = turns.join().during(async () => {
      begun.push('first');
      await clock.sleep(10);
      throw new Error('device lost');
    });
    const failed = first.catch((error: unknown) => error);
    void turns.join().during(async () => {
      begun.push('second');
    });
    await clock.advance(1_000);
    expect(await failed).toMatchObject({ message: 'device lost' });
    expect(begun).toEqual(['first']);
  });

  test('gives a connection that is alone the model at once', async () => {
    expect(await always.during(async () => 1)).toBe(1);
    expect(await new FairQueue(new ManualClock()).join().during(async () => 1)).toBe(1);
  });

  test('does not embed a job whose gateway is gone when its turn comes', async () => {
    const clock = new ManualClock();
    const turns = new FairQueue(clock);
    const embedder = fakeEmbedder(async (text) => {
      await clock.sleep(100);
      return { ok: true, vector: fakeVector(text) };
    });
    const log = { debug: () => undefined, info: () => undefined, warn: () => undefined };
    const join = () => {
      const link = memoryLink();
      const answered: string[] = [];
      link.far.listen({
        frame: (frame) => {
          if (typeof frame !== 'string') answered.push(decodeJobResult(frame, dimensions).jobId);
        },
        closed: () => undefined,
      });
      const end = runRunnerLoop({
        channel: link.near,
        embedder,
        turn: turns.join(),
        clock,
        name: 'shared',
        kind: 'node',
        drain: new AbortController().signal,
        log,
      });
      link.far.send(
        encodeMessage({
          type: 'runner-welcome',
          protocol: protocolVersion,
          sessionId: 's',
          heartbeatMs: 60_000,
          limits: { frameBytesMax: 1, textsPerJobMax: 1, textCharsMax: 1 },
        }),
      );
      const assign = (text: string): void =>
        link.far.send(
          encodeMessage({
            type: 'job-assign',
            jobId: text,
            attempt: 1,
            deadlineMs: 1000,
            texts: [text],
          }),
        );
      return { link, end, assign, answered };
    };
    const [stays, goes] = [join(), join()];
    stays.assign('a');
    stays.assign('b');
    goes.assign('lost');
    await clock.advance(50);
    goes.link.far.close(1001, 'gone');
    await clock.advance(1_000);
    expect(await goes.end).toMatchObject({ code: 1001 });
    expect(stays.answered).toEqual(['a', 'b']);
    expect(embedder.embedded).toEqual(['a', 'b']);
    stays.link.far.close(1001, 'gone');
    await stays.end;
  });
});
