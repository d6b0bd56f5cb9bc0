// Decides, for the partitions that a consumer holds, what is kept and dropped in a rebalance, where
// fetching continues, when it pauses, what is delivered next and what may be committed.
//
// It performs no I/O: the source passes in what the client reports, and tells the client what is
// decided here. `P` names a partition, see `Assignment`.

import { assert, at } from '#core/errors/assert.ts';
import { Assignment, type Commit } from '#core/pipeline/assignment.ts';
import type { FetchedRecord } from '../../kafka/kafka-record.ts';
import { FetchedPartition } from './fetched-partition.ts';

export type KafkaAssignmentOptions = {
  /** Records and bytes per batch. */
  readonly batchMax: number;
  readonly batchBytesMax: number;
  /** Delivered records per partition, counted from its first unsettled one. */
  readonly unsettledMax: number;
  /** Fetched and not yet delivered bytes over all partitions; one fetch may come on top. */
  readonly fetchedBytesMax: number;
};

/** A partition, and the offset to fetch next. */
export type Continued<P> = { readonly partition: P; readonly seekTo: number };

/** What the consumer must do with a partition that it was assigned. */
export type ResumedPartition<P> = {
  readonly partition: P;
  /** The offset to fetch next; `null` to start where the group has committed. */
  readonly seekTo: number | null;
  readonly isPaused: boolean;
};

export type FetchedBatch<P> = {
  readonly partition: P;
  readonly records: readonly FetchedRecord[];
  /** The offset after the last one that was read; control records count too. */
  readonly next: number;
  /** The offset after the last record of the partition. */
  readonly end: number;
};

export type TakenBatch<P> = {
  readonly partition: P;
  readonly epoch: number;
  readonly records: readonly FetchedRecord[];
  /** Whether it drained the partition, so that the head may have moved. */
  readonly mayCommit: boolean;
};

export class KafkaAssignment<P> {
  readonly #options: KafkaAssignmentOptions;
  readonly #ledgers: Assignment<P>;
  readonly #held = new Map<P, FetchedPartition>();
  #memberId: string | null = null;
  #isNewMember = true;
  #turn = 0;

  constructor(options: KafkaAssignmentOptions) {
    this.#options = options;
    this.#ledgers = new Assignment(options.unsettledMax);
  }

  partitions(): readonly P[] {
    return [...this.#held.keys()];
  }

  /** Those of which nothing was read yet. */
  fresh(): readonly P[] {
    return [...this.#held].filter(([, { position }]) => position === null).map(([each]) => each);
  }

  /**
   * A new consumer starts, which joins the group as a new member. What is held stays, and is not
   * committed until it is confirmed.
   */
  restart(): void {
    for (const state of this.#held.values()) state.isConfirmed = false;
    this.#isNewMember = true;
  }

  /** Whether a partition is held that other members may have worked on since. */
  get isConfirmed(): boolean {
    return this.#held.values().every((state) => state.isConfirmed);
  }

  /**
   * A partition that was kept over a restart stays while the group's commit is not past its head:
   * then no other member has worked on it, and the records in hand are still this member's own.
   *
   * @param offsets what the group has committed, by partition, read after this member has joined:
   *   the broker accepts no commit of the members before it from then on
   * @returns the partitions that were dropped, which continue where the group has committed
   */
  confirm(offsets: ReadonlyMap<P, { readonly committed: number }>): readonly Continued<P>[] {
    const dropped: Continued<P>[] = [];
    for (const [partition, { position, isConfirmed, isPaused }] of this.#held) {
      if (isConfirmed) continue;
      const head = this.#ledgers.head(partition) ?? position;
      const committed = offsets.get(partition)?.committed ?? 0;
      this.#partition(partition).isConfirmed = true;
      if (head === null || committed <= head) continue;
      this.drop(partition);
      const fresh = new FetchedPartition();
      fresh.skipTo(committed);
      fresh.isPaused = isPaused;
      this.#held.set(partition, fresh);
      dropped.push({ partition, seekTo: committed });
    }
    return dropped;
  }

  /**
   * The group has assigned these partitions. Those that stay keep their ledger, their records and
   * their position; the others are dropped. All are dropped when the group had given this member up
   * and took it back under another id: another member may have held them meanwhile.
   */
  join(memberId: string, assigned: readonly P[]): readonly ResumedPartition<P>[] {
    const wasGivenUp = memberId !== this.#memberId && !this.#isNewMember;
    this.#memberId = memberId;
    this.#isNewMember = false;
    for (const partition of this.#held.keys())
      if (wasGivenUp || !assigned.includes(partition)) this.drop(partition);
    for (const partition of assigned)
      if (!this.#held.has(partition)) this.#held.set(partition, new FetchedPartition());
    return assigned.map((partition) => {
      this.regulate(partition);
      const { position, isPaused } = this.#partition(partition);
      return { partition, seekTo: position, isPaused };
    });
  }

  /**
   * - `added`: the records that are new are held.
   * - `truncated`: the partition ends before the position here, because its topic was recreated or
   *   truncated. Everything held of it was dropped before the records were added.
   * - `not-held`: nothing happened.
   */
  add({ partition, records, next, end }: FetchedBatch<P>): 'added' | 'truncated' | 'not-held' {
    let state = this.#held.get(partition);
    if (state === undefined) return 'not-held';
    const isTruncated = state.position !== null && end < state.position;
    if (isTruncated) {
      this.drop(partition);
      state = new FetchedPartition();
      this.#held.set(partition, state);
    }
    state.add(records, next);
    const [first] = records;
    if (state.epoch === null && first !== undefined)
      state.epoch = this.#ledgers.assign(partition, first.offset);
    if (first === undefined) this.#moveHead(partition, state);
    return isTruncated ? 'truncated' : 'added';
  }

  /** Nothing below `offset` is read of a fresh partition. */
  begin(partition: P, offset: number): void {
    const state = this.#partition(partition);
    state.skipTo(offset);
    state.epoch = this.#ledgers.assign(partition, offset);
  }

  /**
   * Everything below `next` was read, and none of it was for a consumer.
   *
   * @returns whether the head may have moved
   */
  skipTo(partition: P, next: number): boolean {
    const state = this.#held.get(partition);
    state?.skipTo(next);
    return state !== undefined && this.#moveHead(partition, state);
  }

  /**
   * Whether the consumer must pause or resume a partition; `null` when nothing changes. A partition
   * pauses above its share of the bytes, and resumes at half of that.
   */
  regulate(partition: P): 'pause' | 'resume' | null {
    const state = this.#held.get(partition);
    if (state === undefined) return null;
    const bytesMax = this.#options.fetchedBytesMax / this.#held.size;
    const pauses = state.bytes > (state.isPaused ? bytesMax / 2 : bytesMax);
    if (pauses === state.isPaused) return null;
    state.isPaused = pauses;
    return pauses ? 'pause' : 'resume';
  }

  /**
   * The next batch to deliver: the records of one partition that its ledger has room for, the
   * partitions in turn. `null` when there is nothing to deliver.
   */
  take(): TakenBatch<P> | null {
    const { batchMax, batchBytesMax } = this.#options;
    const partitions = [...this.#held];
    for (let tried = 0; tried < partitions.length; tried++) {
      this.#turn = (this.#turn + 1) % partitions.length;
      const [partition, state] = at(partitions, this.#turn);
      const { epoch } = state;
      if (epoch === null) continue;
      const countMax = Math.min(batchMax, this.#ledgers.room(partition, epoch));
      const records = state.take(countMax, batchBytesMax);
      if (records.length === 0) continue;
      for (const { offset } of records)
        assert(
          this.#ledgers.deliver(partition, epoch, offset),
          `Partition ${String(partition)} is held and not assigned`,
        );
      return { partition, epoch, records, mayCommit: this.#moveHead(partition, state) };
    }
    return null;
  }

  /** False when the partition was lost since, or the record was settled before: nothing changes. */
  settle(partition: P, epoch: number, offset: number): boolean {
    return this.#ledgers.settle(partition, epoch, offset);
  }

  /** See `Assignment.commits`; without the partitions that are not confirmed. */
  commits(): readonly Commit<P>[] {
    return this.#ledgers
      .commits()
      .filter(({ partition }) => this.#held.get(partition)?.isConfirmed === true);
  }

  /** The broker has accepted these commits. */
  committed(commits: readonly Commit<P>[]): void {
    this.#ledgers.committed(commits);
  }

  /** Delivered and not settled, over all partitions held. */
  unsettled(): number {
    return this.#ledgers.unsettled();
  }

  /** Forgets a partition: settles of its records change nothing from now on. */
  drop(partition: P): void {
    this.#held.delete(partition);
    this.#ledgers.revoke(partition);
  }

  #partition(partition: P): FetchedPartition {
    const state = this.#held.get(partition);
    assert(state !== undefined, `Partition ${String(partition)} is not held`);
    return state;
  }

  /**
   * Offsets that were read after the last record, such as control records, belong below the head
   * once all records are delivered; otherwise the lag would never fall to 0.
   */
  #moveHead(partition: P, { epoch, position, size }: FetchedPartition): boolean {
    if (epoch === null || position === null || size > 0) return false;
    this.#ledgers.skipTo(partition, epoch, position);
    return true;
  }
}
