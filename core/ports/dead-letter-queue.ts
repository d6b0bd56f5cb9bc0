// Where events go that cannot be stored.

import type { DeadLetterReason, LogRecord, Position } from './events.ts';

/** A record that could not be stored, and why. */
export type DeadLetter = LogRecord & {
  /**
   * UUIDv5 of the origin and the record (see `deadLetterId`), so that the same failure is one dead
   * letter however often it occurs.
   */
  readonly id: string;
  readonly origin: Position;
  readonly reason: DeadLetterReason;
  readonly message: string;
  readonly field: string | null;
  readonly eventId: string | null;
  /** UTC ms. */
  readonly failedAt: number;
  /** How often it was tried. */
  readonly attempts: number;
  /** Name of the runner that failed last; `null` when no runner failed. */
  readonly runner: string | null;
};

export const deadLetterStates = ['open', 'replayed', 'purged'] as const;
export type DeadLetterState = (typeof deadLetterStates)[number];

/** What operators have done with a dead letter. A new one has `openStatus`. */
export type DeadLetterStatus = {
  readonly state: DeadLetterState;
  /** How often the dead letter was replayed: its record was appended to the source again. */
  readonly replays: number;
  /** The last replay: when (UTC ms), by whom, and the new position. */
  readonly replay: { readonly at: number; readonly by: string; readonly position: Position } | null;
  readonly purge: { readonly at: number; readonly by: string } | null;
};

export const openStatus: DeadLetterStatus = {
  state: 'open',
  replays: 0,
  replay: null,
  purge: null,
};

export type DeadLetterEntry = DeadLetter &
  DeadLetterStatus & {
    /**
     * Size of the original value. `value` is shorter when a list has cut it, when the queue had to
     * cut it, and after a purge.
     */
    readonly valueBytes: number;
  };
export type DeadLetterQuery = {
  readonly reason?: DeadLetterReason;
  readonly state?: DeadLetterState;
  /** Bounds of `failedAt`, inclusive, UTC ms. */
  readonly since?: number;
  readonly until?: number;
  /** Occurs in the message or the value; 1…200 characters. `A` to `Z` also match `a` to `z`. */
  readonly text?: string;
  /** Values are cut to this many bytes, so that a page of large values stays small. */
  readonly valueBytesMax: number;
  /** 1…1000 */
  readonly limit: number;
  /** The last entry of the page before. */
  readonly after?: DeadLetterCursor;
};
export type DeadLetterCursor = { readonly failedAt: number; readonly id: string };

/**
 * The dead-letter queue. `put` and `setStatus` are durable when they resolve, and may throw
 * `DependencyError`.
 */
export type DeadLetters = AsyncDisposable & {
  readonly kind: 'kafka' | 'embedded' | 'memory';
  /**
   * Idempotent by id: a dead letter that is already there stays as it is, with its status. One of
   * an earlier version counts as there too when its id is `deadLetterIdOfPosition` and its key,
   * value and timestamp are the same.
   */
  put(deadLetters: readonly DeadLetter[]): Promise<void>;
  /**
   * The last status of an id wins, and unknown ids are ignored. A purge deletes the key, value and
   * headers permanently.
   */
  setStatus(
    changes: readonly { readonly id: string; readonly status: DeadLetterStatus }[],
  ): Promise<void>;
  /** Removes dead letters as if they had never been there; unknown ids are ignored. */
  erase(ids: readonly string[]): Promise<void>;
  /** Newest first (by failedAt, then id). */
  list(query: DeadLetterQuery): Promise<readonly DeadLetterEntry[]>;
  /** Gets a dead letter with its whole value. */
  get(id: string): Promise<DeadLetterEntry | null>;
  stats(): Promise<{
    readonly byState: Readonly<Record<DeadLetterState, number>>;
    /** In every state. */
    readonly byReason: Readonly<Partial<Record<DeadLetterReason, number>>>;
    readonly openByReason: Readonly<Partial<Record<DeadLetterReason, number>>>;
    /** `failedAt` of the oldest open dead letter; `null` when none is open. */
    readonly oldestOpenAt: number | null;
  }>;
};
