// Portions are bounded in events, bytes and age, and nothing is read that was not asked for.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { portionsOf, type Portion } from '../../client/portions.ts';
import { serverSentEvents } from '../../client/server-sent-events.ts';
import { until } from '../helpers/until.ts';

const limits = { eventsMax: 3, bytesMax: 40, ageMsMax: 500 };

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

test('every event is in one portion, in order, and no portion is larger than it may be unless one event is', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ maxLength: 60, unit: 'binary' })), async (texts) => {
      const portions = await all(portionsOf(texts, limits, new ManualClock()));
      expect(
        portions.flatMap(({ text }) =>
          text
            .split('\n')
            .slice(0, -1)
            .map((line): unknown => JSON.parse(line)),
        ),
      ).toEqual(texts);
      for (const { text, count } of portions) {
        expect(count).toBe(text.split('\n').length - 1);
        expect(count).toBeLessThanOrEqual(limits.eventsMax);
        expect(count === 1 || Buffer.byteLength(text) <= limits.bytesMax).toBe(true);
      }
    }),
    { numRuns: 50 },
  );
});

test('events that wait for company go when the first of them is old enough; what comes later is not lost', async () => {
  const clock = new ManualClock();
  const more = Promise.withResolvers<void>();
  let isClosed = false;
  const portions = portionsOf(
    (async function* () {
      try {
        yield 1;
        yield 2;
        await more.promise;
        yield 3;
      } finally {
        isClosed = true;
      }
    })(),
    limits,
    clock,
  );
  const first = portions.next();
  await until('it waits for a third', 5_000, () => clock.sleeping === 1);
  await clock.advance(500);
  expect(await first).toEqual({
    done: false,
    value: { text: '1\n2\n', count: 2 } satisfies Portion,
  });
  more.resolve();
  expect((await portions.next()).value).toEqual({ text: '3\n', count: 1 });
  expect((await portions.next()).done).toBe(true);
  expect([isClosed, clock.sleeping]).toEqual([true, 0]);
});

test('the first event of a portion waits no longer because others trickle in', async () => {
  const clock = new ManualClock();
  const portions = portionsOf(
    (async function* () {
      for (let n = 0; ; n++) {
        yield n;
        await clock.sleep(300);
      }
    })(),
    limits,
    clock,
  );
  const first = portions.next();
  await until('both wait', 5_000, () => clock.sleeping === 2);
  await clock.advance(500);
  expect((await first).value).toEqual({ text: '0\n1\n', count: 2 });
});

test('a signal ends the wait for a source that has nothing, and for nobody a rejection is left', async () => {
  const stop = new AbortController();
  const clock = new ManualClock();
  const fails = Promise.withResolvers<never>();
  const portions = portionsOf(
    (async function* () {
      yield await fails.promise;
    })(),
    limits,
    clock,
    stop.signal,
  );
  const first = portions.next();
  await until('it waits', 5_000, () => clock.sleeping === 1);
  stop.abort(new Error('enough'));
  await expect(first).rejects.toThrow('enough');
  fails.reject(new Error('too late for anyone'));
  expect(clock.sleeping).toBe(0);
});

test('a source is left when its reader leaves', async () => {
  let made = 0;
  let isClosed = false;
  for await (const _ of portionsOf(
    (function* () {
      try {
        for (;;) yield made++;
      } finally {
        isClosed = true;
      }
    })(),
    limits,
    new ManualClock(),
  ))
    break;
  expect([made, isClosed]).toEqual([3, true]);
});

test('server-sent events are the same however their bytes are cut', async () => {
  const stream =
    'retry: 2000\n\n: comment\n\nid: 1\nevent: stats\ndata: {"a":"ü"}\n\ndata:one\r\ndata: two\r\n\r\nid: 2\n\n';
  const bytes = new TextEncoder().encode(stream);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 20 }), async (cuts) => {
      const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      const pieces = at.slice(1).map((end, index) => bytes.slice(at[index], end));
      const events = await all(
        serverSentEvents(
          new ReadableStream({
            pull: (controller) => {
              const piece = pieces.shift();
              if (piece === undefined) controller.close();
              else controller.enqueue(piece);
            },
          }),
        ),
      );
      expect(events).toEqual([
        { id: '1', data: '{"a":"ü"}' },
        { id: '1', data: 'one\ntwo' },
      ]);
    }),
  );
});
