// Batches are bounded in events, bytes and age, and no event is read before it is needed.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { batchesOf, type EventBatch } from '../../client/event-batches.ts';
import { serverSentEvents } from '../../client/server-sent-events.ts';
import { until } from '../helpers/until.ts';

const limits = { eventsMax: 3, bytesMax: 40, ageMsMax: 500 };

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

test('every event is in one batch, in order; only one large event exceeds a limit', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ maxLength: 60, unit: 'binary' })), async (texts) => {
      const batches = await all(batchesOf(texts, limits, new ManualClock()));
      expect(
        batches.flatMap(({ text }) =>
          text
            .split('\n')
            .slice(0, -1)
            .map((line): unknown => JSON.parse(line)),
        ),
      ).toEqual(texts);
      for (const { text, count } of batches) {
        expect(count).toBe(text.split('\n').length - 1);
        expect(count).toBeLessThanOrEqual(limits.eventsMax);
        expect(count === 1 || Buffer.byteLength(text) <= limits.bytesMax).toBe(true);
      }
    }),
    { numRuns: 50 },
  );
});

test('an incomplete batch is sent when its first event is old enough; none is lost', async () => {
  const clock = new ManualClock();
  const more = Promise.withResolvers<void>();
  let isClosed = false;
  const batches = batchesOf(
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
  const first = batches.next();
  await until('it waits for a third', 60_000, () => clock.sleeping === 1);
  await clock.advance(500);
  expect(await first).toEqual({
    done: false,
    value: { text: '1\n2\n', count: 2 } satisfies EventBatch,
  });
  more.resolve();
  expect((await batches.next()).value).toEqual({ text: '3\n', count: 1 });
  expect((await batches.next()).done).toBe(true);
  expect([isClosed, clock.sleeping]).toEqual([true, 0]);
});

test('more events that trickle in do not make the first event of a batch wait longer', async () => {
  const clock = new ManualClock();
  const batches = batchesOf(
    (async function* () {
      for (let n = 0; ; n++) {
        yield n;
        await clock.sleep(300);
      }
    })(),
    limits,
    clock,
  );
  const first = batches.next();
  await until('both wait', 60_000, () => clock.sleeping === 2);
  await clock.advance(500);
  expect((await first).value).toEqual({ text: '0\n1\n', count: 2 });
});

test('a signal ends the wait for a silent source and leaves no unhandled rejection', async () => {
  const stop = new AbortController();
  const clock = new ManualClock();
  const fails = Promise.withResolvers<never>();
  const batches = batchesOf(
    (async function* () {
      yield await fails.promise;
    })(),
    limits,
    clock,
    stop.signal,
  );
  const first = batches.next();
  await until('it waits', 60_000, () => clock.sleeping === 1);
  stop.abort(new Error('enough'));
  await expect(first).rejects.toThrow('enough');
  fails.reject(new Error('nobody waits for this'));
  expect(clock.sleeping).toBe(0);
});

test('the source is closed when the reader leaves', async () => {
  let made = 0;
  let isClosed = false;
  for await (const _ of batchesOf(
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
    'retry: 2000\n\n: comment\n\nid: 1\nevent: stats\ndata: {"a":"ü"}\n\ndata:one\r\ndata: ' +
    'two\r\n\r\nid: 2\n\n';
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
