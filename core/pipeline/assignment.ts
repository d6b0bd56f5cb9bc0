// Keeps the ledgers of the partitions that this member holds, so that nothing is committed for one
// that it has lost.
//
// Every assignment of a partition has an epoch of its own. Whatever was read under an older epoch
// is late: another member, or this one anew, works on the same events, and the words about them no
// longer count here.

import { assert } from '#core/errors/assert.ts';
import { Ledger } from './ledger.ts';

/**
 * Commit `offset` (the one to read next) for `partition`; valid as long as the partition has this
 * epoch.
 */
export type Commit = {
  readonly partition: number;
  readonly epoch: number;
  readonly offset: number;
};

type Held = { readonly epoch: number; readonly ledger: Ledger; committed: number };

export class Assignment {
  readonly #spanMax: number;
  readonly #held = new Map<number, Held>();
  #lastEpoch = 0;
  #lateSettles = 0;
  #duplicateSettles = 0;

  /** @param spanMax bound of each partition's ledger, see `Ledger` */
  constructor(spanMax: number) {
    this.#spanMax = spanMax;
  }

  /**
   * Starts a partition at its committed offset and returns its epoch. One that is held already
   * starts anew.
   */
  assign(partition: number, from: number): number {
    this.#lastEpoch += 1;
    this.#held.set(partition, {
      epoch: this.#lastEpoch,
      ledger: new Ledger(from, this.#spanMax),
      committed: from,
    });
    return this.#lastEpoch;
  }

  revoke(partition: number): void {
    this.#held.delete(partition);
  }

  partitions(): readonly number[] {
    return [...this.#held.keys()];
  }

  holds(partition: number, epoch: number): boolean {
    return this.#held.get(partition)?.epoch === epoch;
  }

  /**
   * How many more records may be delivered now; 0 for a partition that is no longer held under this
   * epoch.
   */
  room(partition: number, epoch: number): number {
    return this.#ledger(partition, epoch)?.room() ?? 0;
  }

  /**
   * The lowest offset to deliver next; `null` for a partition that is no longer held under this
   * epoch.
   */
  next(partition: number, epoch: number): number | null {
    return this.#ledger(partition, epoch)?.next() ?? null;
  }

  /**
   * False when the partition was lost while the record was on its way: drop it, its new holder
   * reads it too.
   */
  deliver(partition: number, epoch: number, offset: number): boolean {
    const ledger = this.#ledger(partition, epoch);
    ledger?.deliver(offset);
    return ledger !== undefined;
  }

  /** See `Ledger.skipTo`. */
  skipTo(partition: number, epoch: number, offset: number): void {
    this.#ledger(partition, epoch)?.skipTo(offset);
  }

  /**
   * True when it was the first word about this delivery, and in time. Everything else is counted
   * and changes nothing.
   */
  settle(partition: number, epoch: number, offset: number): boolean {
    const ledger = this.#ledger(partition, epoch);
    if (ledger === undefined) {
      this.#lateSettles += 1;
      return false;
    }
    const first = ledger.settle(offset);
    if (!first) this.#duplicateSettles += 1;
    return first;
  }

  /**
   * What has moved since it was last acknowledged with `committed`. A commit that failed is in the
   * next answer again.
   */
  commits(): readonly Commit[] {
    const commits: Commit[] = [];
    for (const [partition, { epoch, ledger, committed }] of this.#held) {
      const offset = ledger.head();
      if (offset > committed) commits.push({ partition, epoch, offset });
    }
    return commits;
  }

  /** The log has taken these commits. */
  committed(commits: readonly Commit[]): void {
    for (const { partition, epoch, offset } of commits) {
      const held = this.#held.get(partition);
      if (held?.epoch !== epoch) continue;
      assert(
        offset <= held.ledger.head(),
        `Partition ${partition} was committed at ${offset}, past its head`,
      );
      held.committed = Math.max(held.committed, offset);
    }
  }

  /** Delivered and not settled, over all partitions held. */
  unsettled(): number {
    let total = 0;
    for (const { ledger } of this.#held.values()) total += ledger.unsettled();
    return total;
  }

  /**
   * Settles that came after a revoke, and second ones: both are harmless, and many of them tell of
   * trouble.
   */
  ignoredSettles(): { readonly late: number; readonly duplicate: number } {
    return { late: this.#lateSettles, duplicate: this.#duplicateSettles };
  }

  #ledger(partition: number, epoch: number): Ledger | undefined {
    const held = this.#held.get(partition);
    return held?.epoch === epoch ? held.ledger : undefined;
  }
}
