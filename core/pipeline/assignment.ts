// Keeps one ledger per partition that this member holds, and never commits a partition that the
// member has lost.
//
// Each assignment of a partition has its own epoch. A settle under an older epoch is late: the
// partition was lost in between, and its new holder (which may be this member again) reads the same
// events. Late settles are ignored.
//
// `P` names a partition: its number, or one object for each partition of several topics.

import { assert } from '#core/errors/assert.ts';
import { Ledger } from './ledger.ts';

/**
 * Commit `offset`, which is the one to read next, for `partition`. Valid while the partition has
 * this epoch.
 */
export type Commit<P = number> = {
  readonly partition: P;
  readonly epoch: number;
  readonly offset: number;
};

type Held = { readonly epoch: number; readonly ledger: Ledger; committed: number };

export class Assignment<P = number> {
  readonly #spanMax: number;
  readonly #held = new Map<P, Held>();
  #lastEpoch = 0;

  /** @param spanMax bound of each partition's ledger, see `Ledger` */
  constructor(spanMax: number) {
    this.#spanMax = spanMax;
  }

  /**
   * Starts a partition at its committed offset and returns its epoch. A partition that is already
   * held starts again.
   */
  assign(partition: P, from: number): number {
    this.#lastEpoch += 1;
    this.#held.set(partition, {
      epoch: this.#lastEpoch,
      ledger: new Ledger(from, this.#spanMax),
      committed: from,
    });
    return this.#lastEpoch;
  }

  revoke(partition: P): void {
    this.#held.delete(partition);
  }

  partitions(): readonly P[] {
    return [...this.#held.keys()];
  }

  /** How many more records may be delivered now; 0 when the epoch is over. */
  room(partition: P, epoch: number): number {
    return this.#ledger(partition, epoch)?.room() ?? 0;
  }

  /** The lowest offset to deliver next; `null` when the epoch is over. */
  next(partition: P, epoch: number): number | null {
    return this.#ledger(partition, epoch)?.next() ?? null;
  }

  /** False when the epoch is over: drop the record, because the new holder reads it too. */
  deliver(partition: P, epoch: number, offset: number): boolean {
    const ledger = this.#ledger(partition, epoch);
    ledger?.deliver(offset);
    return ledger !== undefined;
  }

  /** See `Ledger.head`; `null` when the partition is not held. */
  head(partition: P): number | null {
    return this.#held.get(partition)?.ledger.head() ?? null;
  }

  /** See `Ledger.skipTo`. */
  skipTo(partition: P, epoch: number, offset: number): void {
    this.#ledger(partition, epoch)?.skipTo(offset);
  }

  /** True for the first settle of a delivery within its epoch. Any other changes nothing. */
  settle(partition: P, epoch: number, offset: number): boolean {
    return this.#ledger(partition, epoch)?.settle(offset) ?? false;
  }

  /**
   * The heads that have moved since `committed` was last called. A commit that failed is in the
   * next answer again.
   */
  commits(): readonly Commit<P>[] {
    const commits: Commit<P>[] = [];
    for (const [partition, { epoch, ledger, committed }] of this.#held) {
      const offset = ledger.head();
      if (offset > committed) commits.push({ partition, epoch, offset });
    }
    return commits;
  }

  /** The log has accepted these commits. */
  committed(commits: readonly Commit<P>[]): void {
    for (const { partition, epoch, offset } of commits) {
      const held = this.#held.get(partition);
      if (held?.epoch !== epoch) continue;
      assert(
        offset <= held.ledger.head(),
        `Partition ${String(partition)} was committed at ${offset}, past its head`,
      );
      held.committed = Math.max(held.committed, offset);
    }
  }

  /** How many deliveries are not settled, over all partitions held. */
  unsettled(): number {
    let total = 0;
    for (const { ledger } of this.#held.values()) total += ledger.unsettled();
    return total;
  }

  #ledger(partition: P, epoch: number): Ledger | undefined {
    const held = this.#held.get(partition);
    return held?.epoch === epoch ? held.ledger : undefined;
  }
}
