// Repeats calls to one dependency until they succeed, with a single probe at a time while the
// dependency is down.

import { DependencyError } from '#core/errors/errors.ts';
import type { Clock } from '#core/ports.ts';
import { type Backoff, retry, withoutEnd } from '#core/time/retry.ts';
import { CircuitBreaker, type CircuitPolicy, type CircuitState } from './circuit-breaker.ts';
import type { PipelineObserver } from './pipeline-observer.ts';

export type GuardOptions = {
  readonly dependency: string;
  /** Read at every failure, because settings may change during a long outage. */
  readonly backoff: Backoff;
  readonly circuit: CircuitPolicy;
  readonly clock: Clock;
  readonly random: () => number;
  /** Ends every wait. */
  readonly signal: AbortSignal;
  /** Whether the same call may succeed later. */
  readonly retryable: (error: unknown) => boolean;
  readonly observer: Pick<PipelineObserver, 'retried' | 'circuit'>;
};

export const isRetryable = (error: unknown): boolean =>
  error instanceof DependencyError && error.retryable;

/** The name of the dependency that failed, for metrics. */
export const dependencyOf = (error: unknown): string =>
  error instanceof DependencyError ? error.dependency : 'other';

export class Guard {
  readonly #options: GuardOptions;
  readonly #circuit: CircuitBreaker;
  #reported: CircuitState = 'closed';

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#circuit = new CircuitBreaker(options.circuit);
  }

  /**
   * Resolves with the operation's first success. Rejects with an error that is not retryable, or
   * with the signal's reason.
   */
  call<T>(operation: () => Promise<T>): Promise<T> {
    const { backoff, clock, random, signal, retryable, observer, dependency } = this.#options;
    return retry(() => this.#once(operation), {
      policy: withoutEnd(backoff),
      clock,
      random,
      signal,
      retryable,
      onRetry: (error) => observer.retried(dependency, error),
    });
  }

  /** Resolves when the circuit is closed. The intake of new work waits here. */
  async whenClosed(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (this.#circuit.state(clock.monotonic()) !== 'closed') await clock.sleep(pollMs, signal);
  }

  async #once<T>(operation: () => Promise<T>): Promise<T> {
    const { clock, retryable, signal } = this.#options;
    let permit = this.#circuit.admit(clock.monotonic());
    while (permit === null) {
      const dueAt = this.#circuit.probeDueAt();
      const ms = dueAt === null ? pollMs : Math.max(1, dueAt - clock.monotonic());
      await clock.sleep(ms, signal);
      permit = this.#circuit.admit(clock.monotonic());
    }
    this.#report();
    try {
      const result = await operation();
      this.#circuit.succeeded(permit);
      return result;
    } catch (error) {
      // An error that is not retryable is an answer: the dependency is up and refuses the content.
      if (retryable(error)) this.#circuit.failed(permit, clock.monotonic());
      else this.#circuit.succeeded(permit);
      throw error;
    } finally {
      this.#report();
    }
  }

  #report(): void {
    const state = this.#circuit.state(this.#options.clock.monotonic());
    if (state === this.#reported) return;
    this.#reported = state;
    this.#options.observer.circuit(this.#options.dependency, state);
  }
}

/** How often a call that is not admitted checks the circuit again. */
const pollMs = 50;
