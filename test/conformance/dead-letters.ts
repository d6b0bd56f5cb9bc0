// What every dead-letter queue guarantees to the pipeline and to the person who reads it.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deadLetterId, deadLetterIdOfPosition } from '#core/event/dead-letter-id.ts';
import {
  openStatus,
  type DeadLetter,
  type DeadLetterEntry,
  type DeadLetterQuery,
  type DeadLetterReason,
  type DeadLetters,
  type DeadLetterStatus,
} from '#core/ports.ts';
import { plainRecord } from './plain-record.ts';

/** A fresh, empty queue per test, and a way to kill the process that works on it. */
export type DeadLettersHarness = AsyncDisposable & {
  open(): Promise<DeadLetters>;
  /** Acts like SIGKILL: open queues end without a clean-up. `open` works after it. */
  crash(): Promise<void>;
};

const utf8 = new TextEncoder();
const allBytes = Uint8Array.from({ length: 256 }, (_, i) => i);
/** Larger than any value in these tests. */
const whole = 2 ** 20;
const noon = 1_700_000_000_000;

function deadLetterOf(offset: number, changes: Partial<DeadLetter> = {}): DeadLetter {
  const origin = { topic: 'events', partition: 0, offset };
  const record = {
    key: utf8.encode(`user-${offset}`),
    value: utf8.encode(`{"event_id":${offset}`),
    headers: {},
    timestamp: noon - 5,
  };
  return {
    id: deadLetterId(origin, record),
    origin,
    ...record,
    reason: 'not_json',
    message: `Expected a JSON object, got text that ends early at character ${offset}.`,
    field: null,
    eventId: null,
    failedAt: noon + offset,
    attempts: 1,
    runner: null,
    ...changes,
  };
}

/** An entry as `list` and `get` return it, with bytes in a form that compares well. */
const plainEntry = (deadLetter: DeadLetterEntry): object => ({
  ...deadLetter,
  ...plainRecord(deadLetter),
});
const openEntry = (deadLetter: DeadLetter): object =>
  plainEntry({ ...deadLetter, ...openStatus, valueBytes: deadLetter.value.length });

const statusOf = (changes: Partial<DeadLetterStatus>): DeadLetterStatus => ({
  ...openStatus,
  ...changes,
});

const offsetsOf = (deadLetters: readonly DeadLetter[]): number[] =>
  deadLetters.map(({ origin }) => origin.offset);

/** Every page of a query, in order. */
async function pagesOf(
  queue: DeadLetters,
  query: DeadLetterQuery,
): Promise<readonly (readonly DeadLetterEntry[])[]> {
  const pages: (readonly DeadLetterEntry[])[] = [];
  for (let after: DeadLetterEntry | undefined; ;) {
    const page = await queue.list(
      after === undefined ? query : { ...query, after: { failedAt: after.failedAt, id: after.id } },
    );
    if (page.length === 0) return pages;
    pages.push(page);
    after = page.at(-1);
  }
}

export function deadLettersConformance(
  name: string,
  makeHarness: () => Promise<DeadLettersHarness>,
): void {
  describe(`dead letters: ${name}`, () => {
    let harness: DeadLettersHarness;
    let queue: DeadLetters;
    beforeEach(async () => {
      harness = await makeHarness();
      queue = await harness.open();
    });
    afterEach(async () => {
      await queue[Symbol.asyncDispose]();
      await harness[Symbol.asyncDispose]();
    });

    it('what is erased is gone, after a crash too, and nothing else', async () => {
      const deadLetters = [1, 2, 3].map((offset) => deadLetterOf(offset));
      await queue.put(deadLetters);
      await queue.setStatus([
        {
          id: deadLetters[1]!.id,
          status: statusOf({ state: 'purged', purge: { at: 1, by: 'x' } }),
        },
      ]);
      const unknown = deadLetterOf(9).id;
      await queue.erase([deadLetters[0]!.id, deadLetters[1]!.id, unknown]);
      await queue.erase([deadLetters[0]!.id]);
      const seen = async () => {
        expect(offsetsOf(await queue.list({ limit: 10, valueBytesMax: whole }))).toEqual([3]);
        expect(await queue.get(deadLetters[0]!.id)).toBeNull();
        expect((await queue.stats()).byState).toEqual({ open: 1, replayed: 0, purged: 0 });
      };
      await seen();
      await harness.crash();
      queue = await harness.open();
      await seen();
    });

    it('a dead letter is returned with every byte and every field as it was put', async () => {
      const deadLetters = [
        deadLetterOf(1, {
          key: null,
          value: new Uint8Array(),
          field: 'product.price',
          eventId: 'e-1',
          reason: 'invalid_event',
        }),
        deadLetterOf(2, {
          key: allBytes,
          value: allBytes,
          headers: { binary: allBytes, empty: new Uint8Array(), größe: utf8.encode('ß') },
          attempts: 3,
          runner: 'node-1',
          reason: 'embedding_failed',
        }),
        deadLetterOf(3, {
          key: new Uint8Array(),
          message: 'Grüße, 世界 \u{1F600}',
          origin: { topic: 'über', partition: 7, offset: 2 ** 53 - 1 },
        }),
      ];
      await queue.put(deadLetters);
      for (const deadLetter of deadLetters)
        expect(plainEntry((await queue.get(deadLetter.id))!)).toEqual(openEntry(deadLetter));
      expect((await queue.list({ limit: 10, valueBytesMax: whole })).map(plainEntry)).toEqual(
        deadLetters.toReversed().map(openEntry),
      );
    });

    it('keeps its own copy: the sender may reuse its buffers', async () => {
      const value = utf8.encode('before');
      await queue.put([deadLetterOf(1, { value })]);
      value.fill(0);
      expect(new TextDecoder().decode((await queue.get(deadLetterOf(1).id))!.value)).toBe('before');
    });

    it('a put is durable when it resolves', async () => {
      await queue.put([deadLetterOf(1), deadLetterOf(2)]);
      await harness.crash();
      queue = await harness.open();
      expect(offsetsOf(await queue.list({ limit: 10, valueBytesMax: whole }))).toEqual([2, 1]);
    });

    it('the same failure put twice is one dead letter, and the first one stays', async () => {
      await queue.put([deadLetterOf(1)]);
      await queue.put([
        deadLetterOf(1, { failedAt: noon + 999, message: 'again' }),
        deadLetterOf(2),
        deadLetterOf(2, { message: 'twice in one call' }),
      ]);
      expect((await queue.list({ limit: 10, valueBytesMax: whole })).map(plainEntry)).toEqual(
        [deadLetterOf(2), deadLetterOf(1)].map(openEntry),
      );
      expect((await queue.stats()).byState.open).toBe(2);
    });

    it('the same failure put after a restart is still one dead letter', async () => {
      await queue.put([deadLetterOf(1)]);
      await harness.crash();
      queue = await harness.open();
      await queue.put([deadLetterOf(1, { failedAt: noon + 999 })]);
      expect(offsetsOf(await queue.list({ limit: 10, valueBytesMax: whole }))).toEqual([1]);
    });

    it('another record at the same offset is another dead letter', async () => {
      const { origin, id: firstId } = deadLetterOf(1);
      const of = (changes: Partial<DeadLetter>): DeadLetter => {
        const deadLetter = deadLetterOf(1, changes);
        return { ...deadLetter, id: deadLetterId(origin, deadLetter) };
      };
      const later = [
        of({ value: utf8.encode('another value') }),
        of({ key: null }),
        of({ timestamp: noon - 4 }),
      ];
      await queue.put([deadLetterOf(1)]);
      await queue.put(later);
      expect(await queue.list({ limit: 10, valueBytesMax: 0 })).toHaveLength(4);
      for (const { id } of [deadLetterOf(1), ...later])
        expect((await queue.get(id))?.origin).toEqual(origin);
      expect(new Set([firstId, ...later.map(({ id }) => id)]).size).toBe(4);
    });

    it('a dead letter with an id of an earlier version is recognised by its record', async () => {
      const older = deadLetterOf(1, { id: deadLetterIdOfPosition(deadLetterOf(1).origin) });
      const replayed = statusOf({ state: 'replayed', replays: 1 });
      await queue.put([older]);
      await queue.setStatus([{ id: older.id, status: replayed }]);
      await queue.list({ limit: 1, valueBytesMax: 0 });
      const other = deadLetterOf(1, { value: utf8.encode('another record at its offset') });
      await queue.put([deadLetterOf(1), { ...other, id: deadLetterId(other.origin, other) }]);
      await queue.list({ limit: 1, valueBytesMax: 0 });
      expect((await queue.stats()).byState).toEqual({ open: 1, replayed: 1, purged: 0 });
      expect(await queue.get(older.id)).toMatchObject(replayed);
      expect(await queue.get(deadLetterOf(1).id)).toBeNull();
    });

    it('an empty put changes nothing', async () => {
      await queue.put([]);
      expect(await queue.list({ limit: 10, valueBytesMax: whole })).toEqual([]);
    });

    it('a thousand dead letters in one put are a thousand dead letters', async () => {
      const deadLetters = Array.from({ length: 1000 }, (_, i) => deadLetterOf(i));
      await queue.put(deadLetters);
      expect(offsetsOf(await queue.list({ limit: 1000, valueBytesMax: whole }))).toEqual(
        offsetsOf(deadLetters.toReversed()),
      );
      expect((await queue.stats()).byState.open).toBe(1000);
    });

    it('lists newest first, in whatever order dead letters were put', async () => {
      await queue.put([deadLetterOf(3), deadLetterOf(1)]);
      await queue.put([deadLetterOf(5)]);
      await queue.put([deadLetterOf(2), deadLetterOf(4)]);
      expect(offsetsOf(await queue.list({ limit: 10, valueBytesMax: whole }))).toEqual([
        5, 4, 3, 2, 1,
      ]);
    });

    it('pages have no gaps or duplicates, even within the same millisecond', async () => {
      const deadLetters = Array.from({ length: 23 }, (_, i) =>
        deadLetterOf(i, { failedAt: noon + Math.floor(i / 10) }),
      );
      await queue.put(deadLetters);
      const pages = await pagesOf(queue, { limit: 4, valueBytesMax: 0 });
      expect(pages.map(({ length }) => length)).toEqual([4, 4, 4, 4, 4, 3]);
      // Ordered by failedAt, then by id, both descending.
      const newestFirst = deadLetters.toSorted(
        (a, b) => b.failedAt - a.failedAt || (a.id < b.id ? 1 : -1),
      );
      expect(offsetsOf(pages.flat())).toEqual(offsetsOf(newestFirst));
    });

    it('a dead letter that arrives during paging does not shift the pages', async () => {
      await queue.put([1, 2, 3, 4].map((offset) => deadLetterOf(offset)));
      const [first, second] = await queue.list({ limit: 2, valueBytesMax: 0 });
      await queue.put([deadLetterOf(9)]);
      expect(offsetsOf([first!, second!])).toEqual([4, 3]);
      expect(
        offsetsOf(
          await queue.list({
            limit: 2,
            valueBytesMax: 0,
            after: { failedAt: second!.failedAt, id: second!.id },
          }),
        ),
      ).toEqual([2, 1]);
    });

    it('filters by reason, state and time (both ends included), alone and combined', async () => {
      const reasons: readonly DeadLetterReason[] = ['not_json', 'invalid_event', 'too_large'];
      await queue.put(
        Array.from({ length: 9 }, (_, i) => deadLetterOf(i, { reason: reasons[i % 3]! })),
      );
      const found = async (
        query: Omit<DeadLetterQuery, 'limit' | 'valueBytesMax'>,
      ): Promise<number[]> =>
        offsetsOf(await queue.list({ ...query, limit: 100, valueBytesMax: 0 }));
      expect(await found({ reason: 'invalid_event' })).toEqual([7, 4, 1]);
      expect(await found({ reason: 'store_rejected' })).toEqual([]);
      expect(await found({ state: 'open' })).toEqual([8, 7, 6, 5, 4, 3, 2, 1, 0]);
      expect(await found({ state: 'replayed' })).toEqual([]);
      expect(await found({ since: noon + 7 })).toEqual([8, 7]);
      expect(await found({ until: noon + 1 })).toEqual([1, 0]);
      expect(await found({ since: noon + 3, until: noon + 3 })).toEqual([3]);
      expect(
        await found({ reason: 'not_json', state: 'open', since: noon + 1, until: noon + 6 }),
      ).toEqual([6, 3]);
      expect(
        offsetsOf(
          (await pagesOf(queue, { reason: 'too_large', limit: 2, valueBytesMax: 0 })).flat(),
        ),
      ).toEqual([8, 5, 2]);
    });

    it('finds a text in message or value, ignoring case, with the other filters', async () => {
      await queue.put([
        deadLetterOf(1, { message: 'product.price: got "CHEAP", allowed: a number' }),
        deadLetterOf(2, { value: utf8.encode('{"name":"Grüße aus Cheapside"}'), message: 'x' }),
        deadLetterOf(3, {
          value: Uint8Array.from([0xff, 0x00, ...utf8.encode('cHEap'), 0xfe]),
          message: 'x',
          reason: 'invalid_event',
        }),
        deadLetterOf(4, { value: utf8.encode('ch eap'), message: '100 % of it' }),
      ]);
      const found = async (query: Partial<DeadLetterQuery>): Promise<number[]> =>
        offsetsOf(await queue.list({ limit: 100, valueBytesMax: 0, ...query }));
      expect(await found({ text: 'cheap' })).toEqual([3, 2, 1]);
      expect(await found({ text: 'CHEAP', reason: 'not_json' })).toEqual([2, 1]);
      expect(
        await found({
          text: 'cheap',
          limit: 1,
          after: { failedAt: noon + 3, id: deadLetterOf(3).id },
        }),
      ).toEqual([2]);
      expect(await found({ text: 'ÜßE' })).toEqual([]);
      expect(await found({ text: 'üße' })).toEqual([2]);
      expect(await found({ text: '0 % o' })).toEqual([4]);
      expect(await found({ text: '_' })).toEqual([1]);
    });

    it('finds a text after any number of dead letters without it', async () => {
      await queue.put(
        Array.from({ length: 1300 }, (_, i) =>
          deadLetterOf(i, { message: i % 650 === 0 ? 'a needle' : 'hay' }),
        ),
      );
      expect(offsetsOf(await queue.list({ text: 'needle', limit: 10, valueBytesMax: 0 }))).toEqual([
        650, 0,
      ]);
      expect(
        offsetsOf((await pagesOf(queue, { text: 'needle', limit: 1, valueBytesMax: 0 })).flat()),
      ).toEqual([650, 0]);
      expect(await queue.list({ text: 'pin', limit: 10, valueBytesMax: 0 })).toEqual([]);
    });

    it('a list cuts values to the given size, and states their full length', async () => {
      await queue.put([
        deadLetterOf(1, { value: allBytes }),
        deadLetterOf(2, { value: new Uint8Array() }),
      ]);
      const [empty, cut] = await queue.list({ limit: 10, valueBytesMax: 5 });
      expect([empty!.value.length, empty!.valueBytes]).toEqual([0, 0]);
      expect([[...cut!.value], cut!.valueBytes]).toEqual([[0, 1, 2, 3, 4], 256]);
      expect((await queue.get(deadLetterOf(1).id))!.value).toHaveLength(256);
    });

    it('the status of a dead letter is kept, found and counted, even after a crash', async () => {
      await queue.put([1, 2, 3].map((offset) => deadLetterOf(offset)));
      const replayed = statusOf({
        state: 'replayed',
        replays: 1,
        replay: {
          at: noon + 50,
          by: 'Ana @ 127.0.0.1',
          position: { topic: 'events', partition: 2, offset: 7 },
        },
      });
      const again = {
        ...replayed,
        replays: 2,
        replay: { at: noon + 60, by: 'Bo', position: { topic: 'events', partition: 0, offset: 9 } },
      };
      await queue.setStatus([
        { id: deadLetterOf(1).id, status: replayed },
        { id: deadLetterOf(3).id, status: replayed },
      ]);
      await queue.setStatus([
        { id: deadLetterOf(3).id, status: again },
        { id: deadLetterOf(99).id, status: replayed },
      ]);
      for (const crashes of [false, true]) {
        if (crashes) {
          await harness.crash();
          queue = await harness.open();
        }
        expect(plainEntry((await queue.get(deadLetterOf(1).id))!)).toEqual(
          plainEntry({ ...deadLetterOf(1), ...replayed, valueBytes: deadLetterOf(1).value.length }),
        );
        expect(await queue.get(deadLetterOf(3).id)).toMatchObject(again);
        expect(
          offsetsOf(await queue.list({ state: 'replayed', limit: 10, valueBytesMax: 0 })),
        ).toEqual([3, 1]);
        expect(offsetsOf(await queue.list({ state: 'open', limit: 10, valueBytesMax: 0 }))).toEqual(
          [2],
        );
        expect((await queue.stats()).byState).toEqual({ open: 1, replayed: 2, purged: 0 });
      }
    });

    it('a purged dead letter loses key, value and headers only, and for good', async () => {
      const deadLetter = deadLetterOf(1, {
        value: allBytes,
        headers: { secret: allBytes },
        eventId: 'e-1',
      });
      await queue.put([deadLetter]);
      const purged = statusOf({ state: 'purged', purge: { at: noon + 50, by: 'Ana' } });
      await queue.setStatus([{ id: deadLetter.id, status: purged }]);
      await queue.put([deadLetter]);
      const left = plainEntry({
        ...deadLetter,
        key: null,
        value: new Uint8Array(),
        headers: {},
        valueBytes: 256,
        ...purged,
      });
      expect(plainEntry((await queue.get(deadLetter.id))!)).toEqual(left);
      expect(
        (await queue.list({ state: 'purged', limit: 10, valueBytesMax: whole })).map(plainEntry),
      ).toEqual([left]);
      await harness.crash();
      queue = await harness.open();
      expect(plainEntry((await queue.get(deadLetter.id))!)).toEqual(left);
      expect((await queue.stats()).byState).toEqual({ open: 0, replayed: 0, purged: 1 });
    });

    it('get returns null for an unknown id', async () => {
      expect(await queue.get(deadLetterOf(1).id)).toBeNull();
    });

    it('stats count every dead letter by state and reason, and open ones by reason', async () => {
      expect(await queue.stats()).toEqual({
        byState: { open: 0, replayed: 0, purged: 0 },
        byReason: {},
        openByReason: {},
        oldestOpenAt: null,
      });
      await queue.put([
        deadLetterOf(1),
        deadLetterOf(2),
        deadLetterOf(3, { reason: 'store_rejected' }),
      ]);
      // A list waits until the queue is up to date; figures may be behind for a moment.
      await queue.list({ limit: 1, valueBytesMax: 0 });
      const counted = {
        byState: { open: 3, replayed: 0, purged: 0 },
        byReason: { not_json: 2, store_rejected: 1 },
        openByReason: { not_json: 2, store_rejected: 1 },
        oldestOpenAt: Math.min(...[1, 2, 3].map((index) => deadLetterOf(index).failedAt)),
      };
      expect(await queue.stats()).toEqual(counted);
      await queue.setStatus([
        {
          id: deadLetterOf(3).id,
          status: statusOf({ state: 'purged', purge: { at: 1, by: 'x' } }),
        },
      ]);
      await queue.list({ limit: 1, valueBytesMax: 0 });
      expect(await queue.stats()).toEqual({
        ...counted,
        byState: { open: 2, replayed: 0, purged: 1 },
        openByReason: { not_json: 2 },
      });
    });
  });
}
