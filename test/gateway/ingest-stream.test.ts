// POST /events as a stream: compressed bodies, NDJSON that is accepted while it arrives, and
// repeated requests.

import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LogFullError } from '#core/errors/errors.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { IdempotencyKeys } from '../../gateway/ingest/idempotency.ts';
import { linePortions } from '../../gateway/ingest/line-portions.ts';
import { BodyReader } from '../../gateway/ingest/read-body.ts';
import { until } from '../helpers/until.ts';
import { event, problemOf, testApp } from './test-services.ts';

const ndjson = { 'content-type': 'application/x-ndjson' };
const events = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => event({ event_id: `e-${from + index}` }));
const linesOf = (items: readonly unknown[]) =>
  items.map((item) => `${JSON.stringify(item)}\n`).join('');

describe('a compressed body', () => {
  test.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ] as const)('in %s is accepted like the uncompressed one', async (encoding, compress) => {
    const { post, appended } = testApp();
    expect(
      (
        await post('/events', compress(linesOf(events(3))), {
          ...ndjson,
          'content-encoding': encoding,
        })
      ).status,
    ).toBe(202);
    expect(
      (
        await post('/events', compress(JSON.stringify(events(2, 3))), {
          'content-encoding': encoding.toUpperCase(),
        })
      ).status,
    ).toBe(202);
    expect(appended).toHaveLength(5);
  });

  test('that is too large when decompressed is refused, without much of it in memory', async () => {
    const { post, appended } = testApp(
      {},
      { VECTORSTREAM_INGEST_BODY_BYTES_MAX: String(1024 * 1024) },
    );
    const bomb = gzipSync(gzipSync(Buffer.alloc(60 * 1024 * 1024, 32)));
    const inner = gzipSync(Buffer.alloc(100 * 1024 * 1024, 32));
    const before = process.memoryUsage().arrayBuffers;
    for (const type of ['application/json', 'application/x-ndjson']) {
      expect(
        await problemOf(
          await post('/events', inner, { 'content-type': type, 'content-encoding': 'gzip' }),
        ),
      ).toMatchObject({ status: 413, code: 'body_too_large' });
    }
    expect(
      await problemOf(await post('/events', bomb, { 'content-encoding': 'gzip' })),
    ).toMatchObject({ status: 400 });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(30 * 1024 * 1024);
    expect(appended).toHaveLength(0);
  });

  test('that is cut off or damaged is a 400', async () => {
    const { post } = testApp();
    const whole = gzipSync(JSON.stringify(events(50)));
    const damaged = Buffer.from(whole);
    damaged[40] = (damaged[40] ?? 0) ^ 0xff;
    for (const body of [whole.subarray(0, whole.length - 20), damaged]) {
      expect(
        await problemOf(await post('/events', body, { 'content-encoding': 'gzip' })),
      ).toMatchObject({ status: 400, code: 'body_not_decodable' });
    }
  });
});

/** A body that the test sends piece by piece. */
function sending(
  request: ReturnType<typeof testApp>['request'],
  headers: Record<string, string> = {},
) {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({ start: (given) => void (controller = given) });
  const answer = request('/events', {
    method: 'POST',
    headers: { ...ndjson, ...headers },
    body,
    duplex: 'half',
  } as RequestInit);
  return {
    answer,
    send: (text: string) => controller?.enqueue(new TextEncoder().encode(text)),
    end: () => controller?.close(),
    breakOff: () => controller?.error(new Error('reset')),
  };
}

describe('NDJSON', () => {
  test('is logged before its last line arrives, in order, with one result per line', async () => {
    const { request, appended, services } = testApp();
    const { answer, send, end } = sending(request);
    const lines = linesOf(events(2000));
    send(lines.slice(0, 300_000));
    await until('the first portion is taken', 60_000, () => appended.length > 500);
    const early = appended.length;
    send(lines.slice(300_000));
    end();
    const response = await answer;
    expect(response.status).toBe(202);
    const result = await response.json();
    expect(early).toBeLessThan(2000);
    expect(result).toMatchObject({ accepted: 2000, rejected: 0 });
    expect(
      result.items.map(
        ({ index, event_id }: { index: number; event_id: string }) => `${index} ${event_id}`,
      ),
    ).toEqual(events(2000).map((_, index) => `${index} e-${index}`));
    expect(appended).toHaveLength(2000);
    expect(services.clock.monotonic()).toBe(0);
  });

  test('of a slow sender is accepted after a pause', async () => {
    const clock = new ManualClock();
    const { request, appended } = testApp({ clock });
    const { answer, send, end } = sending(request);
    send(`${linesOf(events(1))}{"event_id":`);
    await until('it waits for more', 60_000, () => clock.sleeping > 1);
    expect(appended).toHaveLength(0);
    await clock.advance(50);
    await until('the line is taken', 60_000, () => appended.length === 1);
    send('"late"}\n');
    end();
    expect(await (await answer).json()).toMatchObject({
      accepted: 1,
      rejected: 1,
      items: [{ event_id: 'e-0' }, { event_id: 'late', status: 'rejected' }],
    });
  });

  test('that breaks off keeps what was accepted, and the answer says so', async () => {
    const { request, appended } = testApp();
    const { answer, send, breakOff } = sending(request);
    send(linesOf(events(2000)).slice(0, 300_000));
    await until('the first portion is taken', 60_000, () => appended.length > 500);
    breakOff();
    const problem = await problemOf(await answer);
    expect(problem).toMatchObject({
      status: 400,
      code: 'body_incomplete',
      accepted: appended.length,
    });
    expect(problem['items']).toHaveLength(appended.length);
  });

  test('that hits a full log or has too many events reports what was accepted before', async () => {
    let calls = 0;
    const sink = {
      async append() {
        calls += 1;
        if (calls === 2) throw new LogFullError('The log is full.');
        return [];
      },
      async [Symbol.asyncDispose]() {},
    };
    const response = await testApp({ sink }).post('/events', gzipSync(linesOf(events(4000))), {
      ...ndjson,
      'content-encoding': 'gzip',
    });
    const problem = await problemOf(response);
    expect(problem).toMatchObject({ status: 429, code: 'log_full', rejected: 0 });
    expect(Number(problem['accepted'])).toBeGreaterThan(0);
    expect(problem['items']).toHaveLength(Number(problem['accepted']));
    expect(response.headers.get('retry-after')).toBe('1');

    const { post, appended } = testApp({}, { VECTORSTREAM_INGEST_EVENTS_PER_REQUEST_MAX: '2500' });
    expect(
      await problemOf(
        await post('/events', gzipSync(linesOf(events(2600))), {
          ...ndjson,
          'content-encoding': 'gzip',
        }),
      ),
    ).toMatchObject({ status: 413, code: 'too_many_events', accepted: appended.length });
  });

  test('is split only between lines, for any chunks, and releases all its memory', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.stringMatching(/^[a-z]{0,6}\n?$/)),
        fc.integer({ min: 1, max: 20 }),
        async (parts, bytes) => {
          const reader = new BodyReader(
            { bytesMax: 1e6, bytesMaxTogether: 1e6, largeAtOnce: 1 },
            new ManualClock(),
          );
          const hold = reader.hold(new Request('http://x'));
          let held = 0;
          const counted = {
            take: async (size: number) => {
              held += size;
            },
            giveBack: (size: number) => {
              held -= size;
            },
            [Symbol.dispose]: () => hold[Symbol.dispose](),
          };
          const chunks = (async function* () {
            for (const part of parts) if (part !== '') yield Buffer.from(part);
          })();
          const portions: string[] = [];
          for await (const portion of linePortions(chunks, {
            bytes,
            quietMs: 1000,
            clock: new ManualClock(),
            hold: counted,
          }))
            portions.push(Buffer.from(portion).toString());
          expect(portions.join('')).toBe(parts.join(''));
          for (const portion of portions.slice(0, -1)) expect(portion.endsWith('\n')).toBe(true);
          expect(held).toBe(0);
        },
      ),
    );
  });
});

const keyed = (key: string) => ({ ...ndjson, 'idempotency-key': key });

describe('Idempotency-Key', () => {
  test('makes a repeated request write nothing and return the same answer', async () => {
    const { post, appended } = testApp(
      {},
      {
        VECTORSTREAM_API_KEYS: 'shop:write:key-of-the-first-shop,other:write:key-of-the-other-shop',
      },
    );
    const shop = { 'x-api-key': 'key-of-the-first-shop' };
    const body = linesOf([...events(2), { event_id: 'bad' }]);
    const first = await post('/events', body, { ...shop, ...keyed('order-1') });
    const again = await post('/events', body, { ...shop, ...keyed('order-1') });
    expect(again.status).toBe(202);
    expect(await again.json()).toEqual(await first.json());
    expect([first, again].map(({ headers }) => headers.get('idempotency-replayed'))).toEqual([
      null,
      'true',
    ]);
    expect(appended).toHaveLength(2);
    expect((await post('/events', body, { ...shop, ...keyed('order-2') })).status).toBe(202);
    expect(
      (await post('/events', body, { ...keyed('order-1'), 'x-api-key': 'key-of-the-other-shop' }))
        .status,
    ).toBe(202);
    expect(appended).toHaveLength(6);
  });

  test('with another body is refused, even if only on_invalid differs', async () => {
    const { post, appended } = testApp();
    await post('/events', linesOf(events(1)), keyed('k'));
    expect(await problemOf(await post('/events', linesOf(events(2)), keyed('k')))).toMatchObject({
      status: 422,
      code: 'idempotency_key_reused',
    });
    expect(
      await problemOf(await post('/events?on_invalid=dead_letter', linesOf(events(1)), keyed('k'))),
    ).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
    expect(appended).toHaveLength(1);
    expect(
      await problemOf(await post('/events', linesOf(events(1)), keyed('two words'))),
    ).toMatchObject({ status: 422, code: 'validation_failed' });
  });

  test('of a request in progress gets 409, and is free again when that request fails', async () => {
    const { request, post, appended } = testApp();
    const { answer, send, breakOff } = sending(request, { 'idempotency-key': 'k' });
    send('{"event_id"');
    const busy = await until('the first is in work', 60_000, async () => {
      const response = await post('/events', linesOf(events(1)), keyed('other'));
      return response.status === 202 && post('/events', linesOf(events(1)), keyed('k'));
    });
    expect(await problemOf(busy)).toMatchObject({ status: 409, code: 'idempotency_key_busy' });
    breakOff();
    expect((await answer).status).toBe(400);
    expect((await post('/events', linesOf(events(1)), keyed('k'))).status).toBe(202);
    expect(appended).toHaveLength(2);
  });

  test('is remembered within bounds of number, size and age', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            key: fc.integer({ min: 0, max: 9 }),
            size: fc.integer({ min: 1, max: 40 }),
            wait: fc.integer({ min: 0, max: 60 }),
            fails: fc.boolean(),
          }),
        ),
        (steps) => {
          const keys = new IdempotencyKeys({ keysMax: 3, answerCharsMax: 60, ageMsMax: 100 });
          const kept = new Map<string, { answer: string; at: number }>();
          let now = 0;
          let wrong = 0;
          for (const { key: number, size, wait, fails } of steps) {
            now += wait;
            const key = String(number);
            const begun = keys.begin(key, now);
            const first = kept.get(key);
            if (begun.state === 'done') {
              wrong += begun.answer === first?.answer && now - first.at <= 100 ? 0 : 1;
            } else if (fails) {
              keys.abandon(key);
            } else {
              keys.finish(key, 'f', 'x'.repeat(size), now);
              kept.set(key, { answer: 'x'.repeat(size), at: now });
            }
          }
          expect(wrong).toBe(0);
          const remembered = [...kept.keys()]
            .map((key) => keys.begin(key, now))
            .filter(({ state }) => state === 'done');
          expect(remembered.length).toBeLessThanOrEqual(3);
          expect(
            remembered.reduce(
              (sum, begun) => sum + (begun.state === 'done' ? begun.answer.length : 0),
              0,
            ),
          ).toBeLessThanOrEqual(60);
        },
      ),
    );
  });
});
