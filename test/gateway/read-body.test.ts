// Bodies are read completely or not at all, each within its bound and all within a common one.

import { describe, expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { BodyReader, smallBytesMax } from '../../gateway/ingest/read-body.ts';
import { until } from '../helpers/until.ts';

const request = (body: BodyInit, headers: Record<string, string> = {}) =>
  new Request('http://x/', { method: 'POST', body, headers, duplex: 'half' } as RequestInit);
/** Sends chunks without a Content-Length, and then continues, ends or breaks. */
const stream = (chunks: readonly number[], then: 'ends' | 'breaks') =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const length of chunks) controller.enqueue(new Uint8Array(length));
      if (then === 'ends') controller.close();
      else controller.error(new Error('reset'));
    },
  });
const refusalOf = (reader: BodyReader, asked: Request): Promise<unknown> =>
  reader.read(asked).then(
    () => null,
    (error: unknown) => error,
  );
const problem = (code: string, status: number) =>
  expect.objectContaining({ problem: expect.objectContaining({ code, status }) });

test('a body within the bound is read whole', async () => {
  const reader = new BodyReader(
    { bytesMax: 10, bytesMaxTogether: 10, largeAtOnce: 1 },
    new ManualClock(),
  );
  using body = await reader.read(request('0123456789'));
  expect(new TextDecoder().decode(body.bytes)).toBe('0123456789');
  using none = await reader.read(new Request('http://x/', { method: 'POST' }));
  expect(none.bytes).toHaveLength(0);
});

test('one that is larger is refused, by its length before it is read', async () => {
  const reader = new BodyReader(
    { bytesMax: 10, bytesMaxTogether: 100, largeAtOnce: 1 },
    new ManualClock(),
  );
  const declared = request(stream([1], 'breaks'), { 'content-length': '11' });
  await expect(reader.read(declared)).rejects.toEqual(problem('body_too_large', 413));
  expect(declared.bodyUsed).toBe(false);
  await expect(reader.read(request(stream([6, 6], 'ends')))).rejects.toEqual(
    problem('body_too_large', 413),
  );
});

test('share one bound, and release their part when done, refused or broken off', async () => {
  const reader = new BodyReader(
    { bytesMax: 10, bytesMaxTogether: 15, largeAtOnce: 1 },
    new ManualClock(),
  );
  {
    using first = await reader.read(request(stream([5, 5], 'ends')));
    expect(first.bytes).toHaveLength(10);
    await expect(reader.read(request(stream([6], 'ends')))).rejects.toEqual(
      problem('too_many_bodies', 429),
    );
    await expect(reader.read(request(stream([5], 'breaks')))).rejects.toEqual(
      problem('body_incomplete', 400),
    );
    using second = await reader.read(request(stream([5], 'ends')));
    expect(second.bytes).toHaveLength(5);
  }
  using largest = await reader.read(request(stream([10], 'ends')));
  expect(largest.bytes).toHaveLength(10);
});

describe('large bodies', () => {
  const large = 600 * 1024;
  const limits = { bytesMax: 2 ** 20, bytesMaxTogether: 8 * 2 ** 20, largeAtOnce: 1 };
  /** Half a megabyte has arrived; the rest follows when the test says so. */
  function growing(signal = new AbortController().signal) {
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({ start: (given) => void (controller = given) });
    controller?.enqueue(new Uint8Array(smallBytesMax).fill(1));
    const nothingQueued = () => (controller?.desiredSize ?? 1) > 0;
    return {
      trickle: (bytes: number) => controller?.enqueue(new Uint8Array(bytes).fill(2)),
      taken: () => until('all is taken', 60_000, nothingQueued),
      request: new Request('http://x/', {
        method: 'POST',
        body,
        duplex: 'half',
        signal,
      } as RequestInit),
      grow: () => controller?.enqueue(new Uint8Array(large - smallBytesMax).fill(2)),
      end: () => controller?.close(),
    };
  }

  test('are read one at a time, in order of arrival; small ones do not wait', async () => {
    const reader = new BodyReader(limits, new ManualClock());
    const [first, second, third] = [growing(), growing(), growing()];
    const done: string[] = [];
    const reading = [first, second, third].map(async ({ request: asked, grow }, index) => {
      grow();
      using body = await reader.read(asked);
      done.push(`${index}`);
      return Array.from(new Set(body.bytes)).join() === '1,2' && body.bytes.length;
    });
    third.end();
    second.end();
    using small = await reader.read(request('small'));
    expect(small.bytes).toHaveLength(5);
    expect(done).toEqual([]);
    first.end();
    expect(await Promise.all(reading)).toEqual([large, large, large]);
    expect(done).toEqual(['0', '1', '2']);
  });

  test('are asked to retry if their turn comes too late, and then take no memory', async () => {
    const clock = new ManualClock();
    const reader = new BodyReader(limits, clock);
    const [first, second] = [growing(), growing()];
    first.grow();
    second.grow();
    const whole = reader.read(first.request);
    const refused = refusalOf(reader, second.request);
    await until('the second waits', 60_000, () => clock.sleeping === 1);
    await clock.advance(10_000);
    expect(await refused).toEqual(problem('too_many_bodies', 429));
    first.end();
    using body = await whole;
    expect(body.bytes).toHaveLength(large);
    using next = await reader.read(request(new Uint8Array(large)));
    expect(next.bytes).toHaveLength(large);
  });

  test('that are abandoned while they wait, or refused, leave the queue', async () => {
    const clock = new ManualClock();
    const reader = new BodyReader(limits, clock);
    const gone = new AbortController();
    const [first, second] = [growing(), growing(gone.signal)];
    first.grow();
    second.grow();
    const broken = refusalOf(reader, first.request);
    const waiting = refusalOf(reader, second.request);
    await until('the second waits', 60_000, () => clock.sleeping === 1);
    gone.abort();
    expect(await waiting).toBeInstanceOf(DOMException);
    for (let more = 0; more < 5; more += 1) first.grow();
    expect(await broken).toEqual(problem('body_too_large', 413));
    using body = await reader.read(request(new Uint8Array(large)));
    expect(body.bytes).toHaveLength(large);
  });

  test('that trickle give their slot to others, however often they trickle', async () => {
    const clock = new ManualClock();
    const reader = new BodyReader(limits, clock);
    const [slow, next] = [growing(), growing()];
    slow.grow();
    const given = refusalOf(reader, slow.request);
    await slow.taken();
    next.grow();
    next.end();
    const whole = reader.read(next.request);
    await until('the next one waits', 60_000, () => clock.sleeping === 1);
    for (let second = 1; second <= 4; second++) {
      await clock.advance(1_000);
      slow.trickle(200);
      await slow.taken();
    }
    expect(await given).toEqual(problem('body_too_slow', 408));
    using body = await whole;
    expect(body.bytes).toHaveLength(large);
  });

  test('that are slow keep their slot while no other body waits', async () => {
    const clock = new ManualClock();
    const reader = new BodyReader(limits, clock);
    const slow = growing();
    slow.grow();
    const whole = reader.read(slow.request);
    await slow.taken();
    for (let minute = 1; minute <= 10; minute++) {
      await clock.advance(60_000);
      slow.trickle(200);
      await slow.taken();
    }
    slow.trickle(300 * 1024);
    slow.end();
    using body = await whole;
    expect(body.bytes).toHaveLength(large + 10 * 200 + 300 * 1024);
  });
});
