// What every event log guarantees to the pipeline, whatever its engine.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Delivery, EventSource, LogRecord, Position } from '#core/ports.ts';
import { plainRecord, type PlainRecord } from './plain-record.ts';

/** A fresh, empty log per test, and a way to kill the process that works on it. */
export type SourceHarness = AsyncDisposable & {
  append(records: readonly LogRecord[]): Promise<readonly Position[]>;
  /**
   * A source of the group, as its only member. It starts at the group's last commit, or at the
   * first record.
   */
  open(groupId: string): Promise<EventSource>;
  /**
   * Acts like SIGKILL: open sources end without a clean-up, and so does the log if it lives in the
   * same process. `append` and `open` work after it.
   */
  crash(): Promise<void>;
};

export type SourceHarnessOptions = {
  readonly partitions: number;
  /** The most records delivered per partition, counted from the first unsettled one. */
  readonly unsettledMax: number;
};

const partitions = 3;
const unsettledMax = 16;
const utf8 = new TextEncoder();
const stored = { status: 'stored' } as const;
const allBytes = Uint8Array.from({ length: 256 }, (_, i) => i);

/** `count` records of one key, so all in one partition. */
function recordsOf(key: string, count: number, from = 0): LogRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    key: utf8.encode(key),
    value: utf8.encode(`${key} ${from + i}`),
    headers: {},
    timestamp: 1_700_000_000_000 + from + i,
  }));
}

const valuesOf = (records: readonly LogRecord[]): string[] =>
  records.map(({ value }) => new TextDecoder().decode(value));
const placeOf = ({ partition, offset }: Position): string => `${partition}:${offset}`;
const offsetsOf = (deliveries: readonly Delivery[]): number[] =>
  deliveries.map(({ position }) => position.offset);
const settleAll = (deliveries: readonly Delivery[]): void =>
  deliveries.forEach((delivery) => delivery.settle(stored));

/** The delivered values, by their position in the log. */
const byPlace = (deliveries: readonly Delivery[]): Map<string, PlainRecord> =>
  new Map(deliveries.map((delivery) => [placeOf(delivery.position), plainRecord(delivery)]));

/** Pulls from a source only when more records are asked for than have been pulled. */
class Reader {
  readonly source: EventSource;
  readonly #abort = new AbortController();
  readonly #batches: AsyncIterator<readonly Delivery[]>;
  #pulled: Delivery[] = [];

  constructor(source: EventSource) {
    this.source = source;
    this.#batches = source.deliveries(this.#abort.signal)[Symbol.asyncIterator]();
  }

  async pull(): Promise<readonly Delivery[]> {
    const { done, value } = await this.#batches.next();
    if (done) throw new Error('The source ended while records were awaited');
    return value;
  }

  async take(count: number): Promise<Delivery[]> {
    while (this.#pulled.length < count) this.#pulled.push(...(await this.pull()));
    const taken = this.#pulled.slice(0, count);
    this.#pulled = this.#pulled.slice(count);
    return taken;
  }

  async lag(): Promise<number> {
    return (await this.source.lag()).reduce((sum, { lag }) => sum + lag, 0);
  }

  /** Resolves once the committed offsets are within this many records of the end. */
  async lagIs(lag: number): Promise<void> {
    await vi.waitFor(
      async () => {
        const now = await this.lag();
        if (now !== lag) throw new Error(`The lag stays at ${now}, not ${lag}`);
      },
      { timeout: 20_000, interval: 5 },
    );
  }

  async end(): Promise<void> {
    this.#abort.abort();
    await this.source[Symbol.asyncDispose]();
  }
}

export function eventSourceConformance(
  name: string,
  makeHarness: (options: SourceHarnessOptions) => Promise<SourceHarness>,
): void {
  describe(`event source: ${name}`, () => {
    let log: SourceHarness;
    const read = async (groupId = 'group'): Promise<Reader> => new Reader(await log.open(groupId));
    beforeEach(async () => {
      log = await makeHarness({ partitions, unsettledMax });
    });
    afterEach(() => log[Symbol.asyncDispose]());

    describe('append', () => {
      it('returns the positions of the records, in input order', async () => {
        const records = ['a', 'b', 'c', 'd', 'e'].flatMap((key) => recordsOf(key, 2));
        const positions = await log.append(records);
        expect(positions).toHaveLength(records.length);
        const reader = await read();
        const delivered = byPlace(await reader.take(records.length));
        expect(positions.map((position) => delivered.get(placeOf(position)))).toEqual(
          records.map(plainRecord),
        );
        await reader.end();
      });

      it('is durable when it resolves', async () => {
        await log.append(recordsOf('a', 3));
        await log.crash();
        await log.append(recordsOf('a', 2, 3));
        await log.crash();
        const reader = await read();
        expect(valuesOf(await reader.take(5))).toEqual(['a 0', 'a 1', 'a 2', 'a 3', 'a 4']);
        await reader.end();
      });

      it('keeps keys, values, headers and timestamps exactly', async () => {
        const empty = new Uint8Array();
        const records: LogRecord[] = [
          { key: null, value: utf8.encode('no key'), headers: {}, timestamp: 1_700_000_000_000 },
          {
            key: empty,
            value: utf8.encode('an empty key is a key'),
            headers: {},
            timestamp: 1_700_000_000_003,
          },
          { key: utf8.encode('k'), value: empty, headers: {}, timestamp: 1_700_000_000_001 },
          {
            key: allBytes,
            value: allBytes,
            headers: {
              'content-type': utf8.encode('application/json'),
              binary: allBytes,
              empty,
              größe: utf8.encode('ß'),
            },
            timestamp: 1_234_567_890_123,
          },
          {
            key: utf8.encode('large'),
            value: new Uint8Array(200_000).map((_, i) => i * 31),
            headers: {},
            timestamp: 1_700_000_000_002,
          },
        ];
        const positions = await log.append(records);
        const reader = await read();
        const delivered = byPlace(await reader.take(records.length));
        expect(positions.map((position) => delivered.get(placeOf(position)))).toEqual(
          records.map(plainRecord),
        );
        await reader.end();
      });

      it('keeps its own copy: the sender may reuse its buffers', async () => {
        const value = utf8.encode('before');
        await log.append([{ key: null, value, headers: {}, timestamp: 1_700_000_000_000 }]);
        value.fill(0);
        const reader = await read();
        expect(valuesOf(await reader.take(1))).toEqual(['before']);
        await reader.end();
      });

      it('puts all records of a key into one partition, in order', async () => {
        const keys = Array.from({ length: 12 }, (_, i) => `user-${i}`);
        for (const round of [0, 1, 2])
          await log.append(keys.flatMap((key) => recordsOf(key, 1, round)));
        const reader = await read();
        const deliveries: Delivery[] = [];
        // Partition by partition, since each log distributes keys in its own way.
        while (deliveries.length < keys.length * 3) {
          const part = await reader.take(Math.min(4, keys.length * 3 - deliveries.length));
          settleAll(part);
          deliveries.push(...part);
        }
        for (const key of keys) {
          const own = deliveries.filter(
            (delivery) => delivery.key && new TextDecoder().decode(delivery.key) === key,
          );
          expect(valuesOf(own)).toEqual([`${key} 0`, `${key} 1`, `${key} 2`]);
          expect(new Set(own.map(({ position }) => position.partition)).size).toBe(1);
        }
        await reader.end();
      });
    });

    describe('deliveries', () => {
      it('come in offset order within a partition, each once, in non-empty batches', async () => {
        const records = Array.from({ length: 40 }, (_, i) => recordsOf(`key-${i}`, 1)).flat();
        const positions = await log.append(records);
        const reader = await read();
        const deliveries: Delivery[] = [];
        while (deliveries.length < records.length) {
          const batch = await reader.pull();
          expect(batch.length).toBeGreaterThan(0);
          deliveries.push(...batch);
          settleAll(batch);
        }
        for (let partition = 0; partition < partitions; partition++) {
          const offsets = offsetsOf(
            deliveries.filter(({ position }) => position.partition === partition),
          );
          expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
        }
        expect(new Set(deliveries.map(({ position }) => placeOf(position)))).toEqual(
          new Set(positions.map(placeOf)),
        );
        await reader.end();
      });

      it('include records that are appended while the source waits', async () => {
        await log.append(recordsOf('a', 1));
        const reader = await read();
        settleAll(await reader.take(1));
        const waiting = reader.take(2);
        await log.append(recordsOf('a', 2, 1));
        expect(valuesOf(await waiting)).toEqual(['a 1', 'a 2']);
        await reader.end();
      });

      it('stop at the bound when nothing is settled, and resume after a settle', async () => {
        await log.append(recordsOf('a', unsettledMax + 5));
        const reader = await read();
        const first = await reader.take(unsettledMax);
        let pulled = false;
        const more = reader.pull().then((batch) => {
          pulled = true;
          return batch;
        });
        // Query the log twice, so that a source that reads without a pull would have had the time
        // to do so.
        await log.append(recordsOf('a', 1, unsettledMax + 5));
        await reader.lagIs(unsettledMax + 6);
        expect([pulled, reader.source.unsettled()]).toEqual([false, unsettledMax]);
        // The first unsettled record holds the partition: records settled after it would be
        // delivered again after a crash.
        settleAll(first.slice(1));
        await reader.lagIs(unsettledMax + 6);
        expect([pulled, reader.source.unsettled()]).toEqual([false, 1]);
        settleAll(first.slice(0, 1));
        expect((await more)[0]?.position.offset).toBe(first.at(-1)!.position.offset + 1);
        await reader.end();
      });

      it('are not read without a pull', async () => {
        await log.append(recordsOf('a', 5 * unsettledMax));
        const reader = await read();
        settleAll(await reader.pull());
        await reader.lag();
        await reader.lag();
        expect(reader.source.unsettled()).toBeLessThanOrEqual(unsettledMax);
        await reader.end();
      });

      it('of a full partition do not hold up the other partitions', async () => {
        const [blocked] = await log.append(recordsOf('a', 2 * unsettledMax));
        const other = await keyOfAnotherPartition(log, blocked!.partition);
        const reader = await read();
        await log.append(recordsOf(other, 40));
        let seen = 0;
        while (seen < 40) {
          const ofOthers = (await reader.pull()).filter(
            ({ position }) => position.partition !== blocked!.partition,
          );
          settleAll(ofOthers);
          seen += valuesOf(ofOthers).filter((value) => value.startsWith(other)).length;
        }
        expect(reader.source.unsettled()).toBeLessThanOrEqual(unsettledMax);
        await reader.end();
      });

      it('end when the signal aborts, during a wait or not', async () => {
        await log.append(recordsOf('a', 1));
        const abort = new AbortController();
        await using source = await log.open('group');
        const batches = source.deliveries(abort.signal)[Symbol.asyncIterator]();
        expect(await batches.next()).toMatchObject({ done: false });
        const waiting = batches.next();
        abort.abort();
        expect(await waiting).toMatchObject({ done: true });
        expect(await batches.next()).toMatchObject({ done: true });
      });

      it('do not begin when the signal is already aborted', async () => {
        await log.append(recordsOf('a', 1));
        await using source = await log.open('group');
        const batches = source.deliveries(AbortSignal.abort())[Symbol.asyncIterator]();
        expect(await batches.next()).toMatchObject({ done: true });
      });

      it('end when the source is disposed', async () => {
        await log.append(recordsOf('a', 1));
        const source = await log.open('group');
        const batches = source.deliveries(new AbortController().signal)[Symbol.asyncIterator]();
        await batches.next();
        const waiting = batches.next();
        await source[Symbol.asyncDispose]();
        expect(await waiting).toMatchObject({ done: true });
      });
    });

    describe('after a restart', () => {
      for (const how of ['a crash', 'a clean end']) {
        const end = (reader: Reader): Promise<void> =>
          how === 'a crash' ? log.crash() : reader.end();

        it(`by ${how}, unsettled records come again and committed ones do not`, async () => {
          await log.append(recordsOf('a', 6));
          const before = await read();
          settleAll((await before.take(6)).slice(0, 4));
          await before.lagIs(2);
          await end(before);
          const after = await read();
          expect(valuesOf(await after.take(2))).toEqual(['a 4', 'a 5']);
          await after.end();
        });

        it(`by ${how}, an offset never passes an unsettled event`, async () => {
          await log.append(recordsOf('a', 6));
          const before = await read();
          const deliveries = await before.take(6);
          settleAll([5, 1, 3, 0, 4].map((i) => deliveries[i]!));
          await before.lagIs(4);
          await end(before);
          const after = await read();
          expect(valuesOf(await after.take(4))).toEqual(['a 2', 'a 3', 'a 4', 'a 5']);
          await after.end();
        });

        it(`by ${how}, all that was not settled comes again at the same positions`, async () => {
          await log.append(['a', 'b', 'c', 'd', 'e'].flatMap((key) => recordsOf(key, 3)));
          const before = await read();
          const first = await before.take(15);
          await end(before);
          const after = await read();
          expect(byPlace(await after.take(15))).toEqual(byPlace(first));
          await after.end();
        });

        it(`by ${how}, if everything was settled, only new records are delivered`, async () => {
          await log.append(recordsOf('a', 5));
          const before = await read();
          settleAll(await before.take(5));
          await before.lagIs(0);
          await end(before);
          const after = await read();
          await log.append(recordsOf('a', 1, 5));
          expect(valuesOf(await after.take(1))).toEqual(['a 5']);
          await after.lagIs(1);
          await after.end();
        });
      }

      it('a dispose right after the settle has committed it', async () => {
        await log.append(recordsOf('a', 5));
        const before = await read();
        settleAll((await before.take(5)).slice(0, 3));
        await before.end();
        const after = await read();
        expect(valuesOf(await after.take(2))).toEqual(['a 3', 'a 4']);
        await after.end();
      });

      it('a settle that comes after the dispose is ignored', async () => {
        await log.append(recordsOf('a', 3));
        const before = await read();
        const deliveries = await before.take(3);
        await before.end();
        const after = await read();
        await after.take(3);
        settleAll(deliveries);
        expect(after.source.unsettled()).toBe(3);
        await after.end();
        const last = await read();
        expect(valuesOf(await last.take(3))).toEqual(['a 0', 'a 1', 'a 2']);
        await last.end();
      });

      it('each partition resumes at its own position', async () => {
        const keys = Array.from({ length: 9 }, (_, i) => `key-${i}`);
        await log.append(keys.flatMap((key) => recordsOf(key, 4)));
        const before = await read();
        const byPartition = Map.groupBy(
          await before.take(36),
          ({ position }) => position.partition,
        );
        // Settle a different number in each partition, from its start, plus its last one out of
        // order.
        const left: string[] = [];
        for (const [partition, deliveries] of byPartition) {
          const settled = Math.min(partition + 1, deliveries.length - 2);
          settleAll([...deliveries.slice(0, settled), ...deliveries.slice(-1)]);
          left.push(...deliveries.slice(settled).map(({ position }) => placeOf(position)));
        }
        await before.lagIs(left.length);
        await log.crash();
        const after = await read();
        expect(
          new Set((await after.take(left.length)).map(({ position }) => placeOf(position))),
        ).toEqual(new Set(left));
        await after.end();
      });

      it('consumer groups do not affect each other', async () => {
        await log.append(recordsOf('a', 3));
        const one = await read('one');
        settleAll(await one.take(3));
        await one.lagIs(0);
        await one.end();
        const other = await read('other');
        expect(valuesOf(await other.take(3))).toEqual(['a 0', 'a 1', 'a 2']);
        await other.end();
      });
    });

    describe('figures', () => {
      it('unsettled counts unsettled deliveries', async () => {
        await log.append(recordsOf('a', 4));
        const reader = await read();
        expect(reader.source.unsettled()).toBe(0);
        const [first, second] = await reader.take(4);
        expect(reader.source.unsettled()).toBe(4);
        second!.settle(stored);
        expect(reader.source.unsettled()).toBe(3);
        first!.settle({ status: 'dead-lettered', reason: 'not_json' });
        await reader.lagIs(2);
        await reader.end();
      });

      it('lag counts the records after the last commit, for every partition held', async () => {
        const positions = await log.append(
          Array.from({ length: 30 }, (_, i) => recordsOf(`key-${i}`, 1)).flat(),
        );
        const reader = await read();
        const deliveries = await reader.take(30);
        const perPartition = Array.from({ length: partitions }, (_, partition) => ({
          topic: positions[0]?.topic,
          partition,
          lag: positions.filter((position) => position.partition === partition).length,
        }));
        expect((await reader.source.lag()).toSorted((a, b) => a.partition - b.partition)).toEqual(
          perPartition,
        );
        settleAll(deliveries);
        await reader.lagIs(0);
        await log.append(recordsOf('a', 2));
        await reader.lagIs(2);
        await reader.end();
      });

      it('health reports no trouble while all is well', async () => {
        await log.append(recordsOf('a', 1));
        const reader = await read();
        await reader.take(1);
        expect(reader.source.health()).toBeNull();
        await reader.end();
      });
    });
  });
}

async function keyOfAnotherPartition(log: SourceHarness, partition: number): Promise<string> {
  for (let i = 0; i < 100; i++) {
    const key = `other-${i}`;
    const [position] = await log.append(recordsOf(key, 1));
    if (position!.partition !== partition) return key;
  }
  throw new Error('A hundred keys fell into one partition');
}
