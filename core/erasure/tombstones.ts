// Knows which events are erased: those of a user, session or product up to a time, and single
// events up to a version. It knows them only by keyed hashes.

import { assert } from '#core/errors/assert.ts';
import type { Deletion, ErasureSubject, Product, Tombstone } from '#core/ports.ts';

/** What a record says about whom it concerns; `null` for what could not be read. */
export type Concerned = {
  readonly [K in 'userId' | 'sessionId' | 'id']: string | null;
} & {
  readonly product: Pick<Product, 'id'> | null;
  /** UTC ms; `null` when it could not be read. */
  readonly timestamp: number | null;
};

/** Decides before a record is processed whether it is erased, and deletes what records name. */
export type ErasedEvents = {
  /** Nothing was ever erased. */
  readonly isEmpty: boolean;
  /** `madeAt`: when the record was made, UTC ms. */
  covers(concerned: Concerned, madeAt: number): boolean;
  /**
   * Resolves once the tombstones of all gateways are known, but for those of the last seconds (see
   * `ErasureStore.settleMs`). Asked before something is written.
   *
   * @throws DependencyError
   */
  upToDate(): Promise<void>;
  /**
   * Resolves once the deletes are durable: older events cannot come back, and each record may be
   * settled. May take as long as `ErasureStore.settleMs`. Repeatable.
   *
   * @throws DependencyError
   * @throws the signal's reason
   */
  delete(deletions: readonly Deletion[], signal: AbortSignal): Promise<void>;
};

/** For a pipeline whose mappings delete nothing. */
export const nothingErased: ErasedEvents = {
  isEmpty: true,
  covers: () => false,
  upToDate: async () => undefined,
  delete: async () => assert(false, 'A record deletes something where nothing can be deleted'),
};

export class Tombstones {
  readonly #markOf: (subject: ErasureSubject) => string;
  readonly #at = new Map<string, number>();

  /** @param markOf the keyed hash of a subject, the same in every gateway of a store */
  constructor(markOf: (subject: ErasureSubject) => string) {
    this.#markOf = markOf;
  }

  get isEmpty(): boolean {
    return this.#at.size === 0;
  }

  /** Returns whether any of them is new or later than before. */
  add(tombstones: readonly Tombstone[]): boolean {
    let isNew = false;
    for (const { mark, at } of tombstones) {
      if (at <= (this.#at.get(mark) ?? Number.NEGATIVE_INFINITY)) continue;
      this.#at.set(mark, at);
      isNew = true;
    }
    return isNew;
  }

  /** Whether a tombstone of the subject has this time (UTC ms) or a later one. */
  reaches(subject: ErasureSubject, at: number): boolean {
    return at <= (this.#at.get(this.#markOf(subject)) ?? Number.NEGATIVE_INFINITY);
  }

  covers({ userId, sessionId, product, id, timestamp }: Concerned, madeAt: number): boolean {
    if (this.isEmpty) return false;
    const since = timestamp ?? madeAt;
    const isOf = (kind: ErasureSubject['kind'], value: string | null, time: number): boolean =>
      value !== null && this.reaches({ kind, id: value }, time);
    // A record is older than the erasure by either time: a replay keeps both. A single event has
    // its own time as its version.
    const earliest = Math.min(since, madeAt);
    return (
      isOf('user', userId, earliest) ||
      isOf('session', sessionId, earliest) ||
      isOf('product', product?.id ?? null, earliest) ||
      isOf('event', id, since)
    );
  }
}
