// Which partitions and records a Kafka source keeps, drops, pauses, delivers and commits, decided
// without a broker.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordBytes } from '#core/event/record-bytes.ts';
import {
  KafkaAssignment,
  type KafkaAssignmentOptions,
  type TakenBatch,
} from '../../gateway/kafka/kafka-assignment.ts';
import type { FetchedRecord } from '../../kafka/kafka-record.ts';
import { recordOfMessage } from '../../kafka/kafkajs/kafkajs-record.ts';

const recordAt = (offset: number, headerBytes = 0): FetchedRecord => ({
  key: null,
  value: new Uint8Array(10),
  headers: headerBytes === 0 ? {} : { large: new Uint8Array(headerBytes) },
  timestamp: 1_700_000_000_000,
  offset,
});
const recordSize = recordBytes(recordAt(0));

const assignmentOf = (options: Partial<KafkaAssignmentOptions> = {}): KafkaAssignment<number> =>
  new KafkaAssignment({
    batchMax: 100,
    batchBytesMax: 1_000_000,
    unsettledMax: 1_000,
    fetchedBytesMax: 1_000_000,
    ...options,
  });

/** One fetch: the offsets from `from` up to, but not including, `next`. */
function fetch(
  assignment: KafkaAssignment<number>,
  partition: number,
  [from, next]: readonly [number, number],
  { end = next, headerBytes = 0 } = {},
) {
  const records = Array.from({ length: next - from }, (_, i) => recordAt(from + i, headerBytes));
  return assignment.add({ partition, records, next, end });
}

const offsetsOf = (batch: TakenBatch<number> | null): readonly number[] =>
  batch?.records.map(({ offset }) => offset) ?? [];

function takeAll(assignment: KafkaAssignment<number>): readonly TakenBatch<number>[] {
  const batches: TakenBatch<number>[] = [];
  for (let batch = assignment.take(); batch !== null; batch = assignment.take())
    batches.push(batch);
  return batches;
}

function settleAll(
  assignment: KafkaAssignment<number>,
  { partition, epoch, records }: TakenBatch<number>,
): void {
  for (const { offset } of records) assignment.settle(partition, epoch, offset);
}

function take(assignment: KafkaAssignment<number>): TakenBatch<number> {
  const batch = assignment.take();
  if (batch === null) throw new Error('there was nothing to deliver');
  return batch;
}

describe('a rebalance', () => {
  it("starts a new partition at the group's commit", () => {
    expect(assignmentOf().join('m', [3])).toEqual([
      { partition: 3, seekTo: null, isPaused: false },
    ]);
  });

  it('continues a kept partition after the last fetched record', () => {
    const assignment = assignmentOf();
    assignment.join('m', [0, 1]);
    fetch(assignment, 0, [5, 9]);
    const batch = take(assignment);
    fetch(assignment, 0, [9, 12]);
    expect(assignment.join('m', [0])).toEqual([{ partition: 0, seekTo: 12, isPaused: false }]);
    expect(offsetsOf(assignment.take())).toEqual([9, 10, 11]);
    settleAll(assignment, batch);
    expect(assignment.commits()).toMatchObject([{ partition: 0, offset: 9 }]);
  });

  it('drops a partition that another member gets, and ignores late settles of its records', () => {
    const assignment = assignmentOf();
    assignment.join('m', [0, 1]);
    fetch(assignment, 1, [0, 2]);
    const batch = take(assignment);
    fetch(assignment, 1, [2, 4]);
    assignment.join('m', [0]);
    expect(assignment.take()).toBeNull();
    expect(assignment.settle(1, batch.epoch, 0)).toBe(false);
    expect([assignment.unsettled(), assignment.commits()]).toEqual([0, []]);
    expect(assignment.partitions()).toEqual([0]);
  });

  it('reads a partition that was lost and assigned again from its commit, in a new epoch', () => {
    const assignment = assignmentOf();
    assignment.join('m', [0]);
    fetch(assignment, 0, [0, 4]);
    const before = take(assignment);
    assignment.join('m', []);
    expect(assignment.join('m', [0])).toMatchObject([{ seekTo: null }]);
    fetch(assignment, 0, [0, 4]);
    const after = take(assignment);
    expect(offsetsOf(after)).toEqual([0, 1, 2, 3]);
    expect(assignment.settle(0, before.epoch, 0)).toBe(false);
    expect(assignment.settle(0, after.epoch, 0)).toBe(true);
  });

  it('drops everything when the group removed this member and readmitted it under a new id', () => {
    const assignment = assignmentOf();
    assignment.join('m', [0, 1]);
    fetch(assignment, 0, [0, 4]);
    expect(assignment.join('other', [0, 1])).toMatchObject([{ seekTo: null }, { seekTo: null }]);
    expect(assignment.take()).toBeNull();
  });
});

/** The same source joins the group again with a new consumer. */
function rejoin(
  assignment: KafkaAssignment<number>,
  partitions: readonly number[],
): ReturnType<KafkaAssignment<number>['join']> {
  assignment.restart();
  return assignment.join('next', partitions);
}
const committedAt = (committed: number) => new Map([[0, { committed }]]);

describe('a new consumer of the same source', () => {
  it('keeps in-flight records while no other member has committed past them', () => {
    const assignment = assignmentOf();
    assignment.join('m', [0]);
    fetch(assignment, 0, [0, 4]);
    const batch = take(assignment);
    settleAll(assignment, batch);
    expect(rejoin(assignment, [0])).toMatchObject([{ seekTo: 4 }]);
    expect(assignment.confirm(committedAt(3))).toEqual([]);
    expect(assignment.commits()).toMatchObject([{ partition: 0, offset: 4 }]);
  });

  it('continues where another member has committed past what is settled here', () => {
    const assignment = assignmentOf();
    assignment.join('m', [0, 1]);
    fetch(assignment, 0, [0, 4]);
    const before = take(assignment);
    fetch(assignment, 0, [4, 6]);
    expect(rejoin(assignment, [0, 1])).toMatchObject([{ seekTo: 6 }, { seekTo: null }]);
    expect(assignment.confirm(committedAt(5))).toEqual([{ partition: 0, seekTo: 5 }]);
    expect(assignment.take()).toBeNull();
    settleAll(assignment, before);
    expect(assignment.commits()).toEqual([]);
    // An answer to a fetch that was on its way holds records from before the commit.
    fetch(assignment, 0, [4, 8]);
    expect(offsetsOf(assignment.take())).toEqual([5, 6, 7]);
  });

  it('commits nothing of what it kept before it knows what the others have committed', () => {
    const assignment = assignmentOf();
    assignment.join('m', [0, 1]);
    fetch(assignment, 0, [0, 4]);
    rejoin(assignment, [0, 1]);
    // What is in hand is still delivered, and a partition that was not in hand is committed.
    fetch(assignment, 1, [0, 2]);
    for (const batch of takeAll(assignment)) settleAll(assignment, batch);
    expect(assignment.isConfirmed).toBe(false);
    expect(assignment.commits()).toEqual([]);
    assignment.confirm(committedAt(0));
    expect(assignment.isConfirmed).toBe(true);
    expect(assignment.commits()).toMatchObject([
      { partition: 0, offset: 4 },
      { partition: 1, offset: 2 },
    ]);
  });
});

describe('a new consumer after all was committed', () => {
  it('never commits below what another member commits before it has joined', () => {
    const commitOrder: number[] = [];
    const assignment = assignmentOf();
    const commit = (): void => {
      const commits = assignment.commits();
      assignment.committed(commits);
      commitOrder.push(...commits.map(({ offset }) => offset));
    };
    const work = (from: number, next: number): void => {
      fetch(assignment, 0, [from, next]);
      for (const batch of takeAll(assignment)) settleAll(assignment, batch);
      commit();
    };
    assignment.join('m', [0]);
    work(0, 100);
    assignment.restart();
    // The other member commits until the moment at which this one has joined.
    commitOrder.push(500);
    const [resumed] = assignment.join('next', [0]);
    work(resumed?.seekTo ?? 500, 150);
    const [continued] = assignment.confirm(committedAt(500));
    commit();
    work(continued?.seekTo ?? 150, 550);
    expect(commitOrder).toEqual([100, 500, 550]);
  });

  it('keeps a partition that no other member has read', () => {
    const assignment = assignmentOf();
    assignment.join('m', [0]);
    fetch(assignment, 0, [0, 100]);
    for (const batch of takeAll(assignment)) settleAll(assignment, batch);
    assignment.committed(assignment.commits());
    expect(rejoin(assignment, [0])).toMatchObject([{ seekTo: 100 }]);
    expect(assignment.confirm(committedAt(100))).toEqual([]);
  });

  it('drops a position after control records that another member has passed', () => {
    const assignment = assignmentOf();
    assignment.join('m', [0]);
    assignment.skipTo(0, 3);
    rejoin(assignment, [0]);
    expect(assignment.confirm(committedAt(9))).toEqual([{ partition: 0, seekTo: 9 }]);
  });

  it('keeps a paused partition paused, whoever has worked on it', () => {
    const assignment = assignmentOf({ fetchedBytesMax: 1 });
    assignment.join('m', [0]);
    fetch(assignment, 0, [0, 4]);
    assignment.regulate(0);
    expect(rejoin(assignment, [0])).toMatchObject([{ isPaused: true }]);
    assignment.confirm(committedAt(5));
    expect(assignment.regulate(0)).toBe('resume');
  });
});

describe('fetched records', () => {
  it('that are fetched again after a rebalance are delivered once', () => {
    const assignment = assignmentOf();
    assignment.join('m', [0]);
    fetch(assignment, 0, [0, 5]);
    expect(fetch(assignment, 0, [3, 8])).toBe('added');
    expect(offsetsOf(assignment.take())).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('of a partition that is not held are ignored', () => {
    const assignment = assignmentOf();
    assignment.join('m', [0]);
    expect(fetch(assignment, 1, [0, 5])).toBe('not-held');
    expect(assignment.take()).toBeNull();
  });

  it('start from the beginning again if the topic was recreated', () => {
    const assignment = assignmentOf();
    assignment.join('m', [0]);
    fetch(assignment, 0, [90, 95]);
    const before = take(assignment);
    expect(fetch(assignment, 0, [0, 3])).toBe('truncated');
    expect(offsetsOf(assignment.take())).toEqual([0, 1, 2]);
    expect(assignment.settle(0, before.epoch, 90)).toBe(false);
  });

  it('are committed past control records once all of them are delivered and settled', () => {
    const assignment = assignmentOf();
    assignment.join('m', [0]);
    fetch(assignment, 0, [0, 2]);
    expect(assignment.skipTo(0, 7)).toBe(false);
    const batch = take(assignment);
    expect(batch.mayCommit).toBe(true);
    settleAll(assignment, batch);
    expect(assignment.commits()).toMatchObject([{ partition: 0, offset: 7 }]);
    expect(assignment.skipTo(0, 9)).toBe(true);
    expect(assignment.commits()).toMatchObject([{ partition: 0, offset: 9 }]);
  });
});

describe('bounds', () => {
  it('a partition pauses above its share of the bytes, and resumes at half of that', () => {
    const assignment = assignmentOf({ fetchedBytesMax: 20 * recordSize, batchMax: 1 });
    assignment.join('m', [0, 1]);
    fetch(assignment, 0, [0, 10]);
    expect(assignment.regulate(0)).toBeNull();
    fetch(assignment, 0, [10, 11]);
    expect([assignment.regulate(0), assignment.regulate(0)]).toEqual(['pause', null]);
    expect(assignment.join('m', [0, 1])).toMatchObject([{ isPaused: true }, { isPaused: false }]);
    const changes = Array.from({ length: 7 }, () => {
      assignment.take();
      return assignment.regulate(0);
    });
    expect(changes).toEqual([null, null, null, null, null, 'resume', null]);
  });

  it('large headers pause a partition', () => {
    const assignment = assignmentOf({ fetchedBytesMax: 100_000 });
    assignment.join('m', [0]);
    fetch(assignment, 0, [0, 3], { headerBytes: 30_000 });
    expect(assignment.regulate(0)).toBeNull();
    fetch(assignment, 0, [3, 4], { headerBytes: 30_000 });
    expect(assignment.regulate(0)).toBe('pause');
  });

  it('headers that repeat a name pause a partition too, and the last of them is read', () => {
    const assignment = assignmentOf({ fetchedBytesMax: 100_000 });
    assignment.join('m', [0]);
    const records = [0, 1, 2, 3].map((offset) =>
      recordOfMessage({
        key: null,
        value: Buffer.from('{}'),
        timestamp: '1',
        offset: String(offset),
        attributes: 0,
        headers: {
          large: [Buffer.alloc(20_000), Buffer.alloc(20_000), Buffer.from('last')],
          ['__proto__']: 'own',
        },
      }),
    );
    assignment.add({ partition: 0, records: records.slice(0, 2), next: 2, end: 4 });
    expect(assignment.regulate(0)).toBeNull();
    assignment.add({ partition: 0, records: records.slice(2), next: 4, end: 4 });
    expect(assignment.regulate(0)).toBe('pause');
    const headers = Object.entries(assignment.take()?.records[0]?.headers ?? {});
    expect(headers.map(([name, value]) => `${name}: ${Buffer.from(value).toString()}`)).toEqual([
      'large: last',
      '__proto__: own',
    ]);
  });

  it('a null value is a tombstone, an empty one is not', () => {
    const flags = [null, Buffer.alloc(0), Buffer.from('{}')].map(
      (value) =>
        recordOfMessage({
          key: null,
          value,
          headers: {},
          timestamp: '1',
          offset: '0',
          attributes: 0,
        }).isTombstone ?? false,
    );
    expect(flags).toEqual([true, false, false]);
  });

  it('large headers count towards the bytes of a batch; one record may exceed the bound', () => {
    const assignment = assignmentOf({ batchBytesMax: 100_000 });
    assignment.join('m', [0]);
    fetch(assignment, 0, [0, 9], { headerBytes: 40_000 });
    fetch(assignment, 0, [9, 10], { headerBytes: 300_000 });
    expect(takeAll(assignment).map(offsetsOf)).toEqual([[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]);
  });

  it('no more records than allowed are unsettled, and settles make room', () => {
    const assignment = assignmentOf({ unsettledMax: 3 });
    assignment.join('m', [0]);
    fetch(assignment, 0, [0, 5]);
    const first = take(assignment);
    expect([offsetsOf(first), offsetsOf(assignment.take())]).toEqual([[0, 1, 2], []]);
    expect(assignment.unsettled()).toBe(3);
    settleAll(assignment, first);
    expect(offsetsOf(assignment.take())).toEqual([3, 4]);
  });

  it('the partitions take turns', () => {
    const assignment = assignmentOf({ batchMax: 2 });
    assignment.join('m', [0, 1, 2]);
    for (const partition of [0, 2]) fetch(assignment, partition, [0, 4]);
    const turns = takeAll(assignment).map(({ partition }) => partition);
    expect(turns).toEqual([2, 0, 2, 0]);
  });
});

type Action =
  | { readonly kind: 'fetch'; partition: number; count: number; back: number }
  | { readonly kind: 'take' }
  | { readonly kind: 'settle'; which: number }
  | { readonly kind: 'join'; partitions: readonly number[] };

const actions = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('fetch' as const),
      partition: fc.nat(2),
      count: fc.integer({ min: 1, max: 5 }),
      back: fc.nat(3),
    }),
    fc.record({ kind: fc.constant('take' as const) }),
    fc.record({ kind: fc.constant('settle' as const), which: fc.nat(20) }),
    fc.record({ kind: fc.constant('join' as const), partitions: fc.uniqueArray(fc.nat(2)) }),
  ),
  { maxLength: 80 },
);

type Delivered = { readonly partition: number; readonly epoch: number; readonly offset: number };

/** Does what the actions say, and returns every violation of a promise. */
function violations(given: readonly Action[]): readonly string[] {
  const assignment = assignmentOf({ batchMax: 3, unsettledMax: 6 });
  const fetched = new Map<number, number>();
  const delivered = new Set<string>();
  const unsettled: Delivered[] = [];
  const found: string[] = [];

  const fetchSome = (partition: number, count: number, back: number): void => {
    const next = fetched.get(partition) ?? 0;
    const range = [Math.max(0, next - back), next + count] as const;
    if (fetch(assignment, partition, range, { end: 1_000 }) === 'added')
      fetched.set(partition, next + count);
  };
  const deliver = (): void => {
    const { partition, epoch, records } = assignment.take() ?? {
      partition: -1,
      epoch: -1,
      records: [],
    };
    for (const { offset } of records) {
      const key = `${epoch}/${partition}/${offset}`;
      if (delivered.has(key)) found.push(`${key} was delivered twice`);
      delivered.add(key);
      unsettled.push({ partition, epoch, offset });
    }
  };
  const settle = (which: number): void => {
    const [one] = unsettled.splice(which, 1);
    if (one !== undefined) assignment.settle(one.partition, one.epoch, one.offset);
  };
  const join = (partitions: readonly number[]): void => {
    for (const { partition, seekTo } of assignment.join('m', partitions))
      if (seekTo === null) fetched.delete(partition);
  };

  join([0, 1, 2]);
  for (const action of given) {
    if (action.kind === 'fetch') fetchSome(action.partition, action.count, action.back);
    else if (action.kind === 'take') deliver();
    else if (action.kind === 'settle') settle(action.which);
    else join(action.partitions);
    for (const commit of assignment.commits())
      for (const { partition, epoch, offset } of unsettled)
        if (partition === commit.partition && epoch === commit.epoch && offset < commit.offset)
          found.push(`a commit of ${commit.offset} passes ${epoch}/${partition}/${offset}`);
  }
  return found;
}

it('in any order, offsets are delivered once per epoch and commits pass no unsettled one', () => {
  fc.assert(
    fc.property(actions, (given) => {
      expect(violations(given)).toEqual([]);
    }),
  );
});
