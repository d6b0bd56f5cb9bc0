// What the pipeline tells of itself, so that metrics and logs need no place inside it.

import type { DeadLetter, Delivery } from '#core/ports.ts';
import type { CircuitState } from './circuit-breaker.ts';

/** Called synchronously; must not throw. */
export type PipelineObserver = {
  received(count: number): void;
  /** An event became searchable, so many seconds after its record was made. */
  stored(latencySeconds: number, eventId: string, delivery: Delivery): void;
  superseded(): void;
  deadLettered(letter: DeadLetter): void;
  /**
   * Where an event's text was found: in the cache, in another event's computation, in the store, or
   * nowhere yet.
   */
  cacheRequest(result: 'hit' | 'shared' | 'store' | 'miss'): void;
  storeWrite(seconds: number): void;
  retried(dependency: string, error: unknown): void;
  circuit(dependency: string, state: CircuitState): void;
};
