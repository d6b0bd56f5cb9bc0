// Where events come from and where they are written.

import type { Delivery, LogRecord, Position } from './events.ts';

/** How many records of a partition come after its last commit. */
export type PartitionLag = {
  readonly topic: string;
  readonly partition: number;
  readonly lag: number;
};

/**
 * Where events come from. Delivery is at-least-once: every record that was not settled before a
 * crash is delivered again.
 *
 * - `deliveries` is called once. It yields batches that are not empty, in offset order within a
 *   partition. A consumer applies backpressure by not pulling. The iteration ends when the signal
 *   aborts. While the log is down it waits and retries (see `health`).
 * - A partition is committed up to its first unsettled record, and never after it was revoked.
 * - Disposing commits what is settled, ends `deliveries`, and closes. Later settles are ignored.
 */
export type EventSource = AsyncDisposable & {
  readonly kind: 'kafka' | 'embedded' | 'memory';
  deliveries(signal: AbortSignal): AsyncIterable<readonly Delivery[]>;
  /**
   * The lag of the partitions that this member of the group holds. Throws `DependencyError` while
   * it is not known, such as before the log has answered for the first time.
   */
  lag(): Promise<readonly PartitionLag[]>;
  /** How many deliveries are not settled yet. */
  unsettled(): number;
  /** `null` while all is well, else one line that names the problem. */
  health(): string | null;
};

/** Where `POST /events` and the event generator write records. */
export type EventSink = AsyncDisposable & {
  /**
   * Resolves when every record is durable (fsynced, or acknowledged by the broker), with the
   * positions in input order. Until then the sender must not change their bytes.
   *
   * @throws DependencyError when the log did not accept the records
   * @throws LogFullError (retryable) when the log has reached its bound
   */
  append(records: readonly LogRecord[]): Promise<readonly Position[]>;
  /**
   * Empties the records about a person that were made until then: of each, only the place stays,
   * with the header `x-erased`. The work per call is bounded; call again from `next` until it is
   * `null`. Absent where the log belongs to others, as in Kafka.
   */
  readonly erase?: (request: LogErasure) => Promise<{
    readonly records: number;
    readonly next: { readonly partition: number; readonly offset: number } | null;
  }>;
};

export type LogErasure = {
  readonly userId: string;
  readonly sessionIds: readonly string[];
  /** UTC ms. */
  readonly until: number;
  readonly from: { readonly partition: number; readonly offset: number };
};
