// Lists what the pipeline reports about itself, so that metrics and logs stay outside of it.

import type { IgnoredKind } from '#core/decode/envelopes.ts';
import type { ChangeKind } from '#core/event/known-members.ts';
import type { DeadLetter, DeletedSubject, Delivery, ProductEvent } from '#core/ports.ts';
import type { CircuitState } from './circuit-breaker.ts';

/** Called synchronously; must not throw. */
export type PipelineObserver = {
  /** Events; a record that turns out to have several counts them when all have ended. */
  received(count: number): void;
  /** An event became searchable, this many seconds after its record was made. */
  stored(latencySeconds: number, event: ProductEvent, delivery: Delivery): void;
  /** Called before `stored`, for an event that the store already had in this or a newer version. */
  superseded(): void;
  /** Called before `stored`, for an event that was read in another form than its own. */
  changed(kinds: readonly ChangeKind[]): void;
  /** A record held no event, and nothing is wrong with it. */
  ignored(kind: IgnoredKind): void;
  /** Called instead of any other outcome. */
  erased(): void;
  /** A record deleted what is older than it. */
  deleted(kind: DeletedSubject['kind']): void;
  /** @param timestampAhead as in `Rejection` */
  deadLettered(deadLetter: DeadLetter, timestampAhead: number | null): void;
  /**
   * Where the vector of an event's text was found: in the cache of known texts (`hit`), in the
   * computation that another event has started (`shared`), in the store, or nowhere yet (`miss`).
   */
  cacheRequest(result: 'hit' | 'shared' | 'store' | 'miss'): void;
  /** One batch of texts or events was written, retries included. */
  storeWrite(seconds: number): void;
  retried(dependency: string, error: unknown): void;
  circuit(dependency: string, state: CircuitState): void;
};
