// Knows which events are erased: those of a user or session up to a time, and single events up to a
// version. It knows them only by keyed hashes.

import type { ErasureSubject, Tombstone } from '#core/ports.ts';

/** What a record says about whom it concerns; `null` for what could not be read. */
export type Concerned = {
  readonly [K in 'userId' | 'sessionId' | 'id']: string | null;
} & {
  /** UTC ms; `null` when it could not be read. */
  readonly timestamp: number | null;
};

/** Decides before a record is processed whether it is erased. */
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
};

export const nothingErased: ErasedEvents = {
  isEmpty: true,
  covers: () => false,
  upToDate: async () => undefined,
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

  covers({ userId, sessionId, id, timestamp }: Concerned, madeAt: number): boolean {
    if (this.isEmpty) return false;
    const since = timestamp ?? madeAt;
    // A person's record is older than the erasure by either time: a replay keeps both.
    const isOf = (kind: ErasureSubject['kind'], value: string | null, time: number): boolean =>
      value !== null && time <= (this.#at.get(this.#markOf({ kind, id: value })) ?? -Infinity);
    const earliest = Math.min(since, madeAt);
    return (
      isOf('user', userId, earliest) ||
      isOf('session', sessionId, earliest) ||
      isOf('event', id, since)
    );
  }
}
