// Repeats calls to one dependency until it answers, and lets a single probe through while it is
// down.

import { DependencyError } from '#core/errors/errors.ts';
import type { Clock } from '#core/ports.ts';
import { type Backoff, retry } from '#core/time/retry.ts';
import { CircuitBreaker, type CircuitPolicy, type CircuitState } from './circuit-breaker.ts';
import type { PipelineObserver } from './pipeline-observer.ts';

export type GuardOptions = {
  readonly dependency: string;
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

export class Guard {
  readonly #options: GuardOptions;
  readonly #circuit: CircuitBreaker;
  #reported: CircuitState = 'closed';

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#circuit = new CircuitBreaker(options.circuit);
  }

  /**
   * The operation's first success; rejects with an error that is not retryable, or with the
   * signal's reason.
   */
  call<T>(operation: () => Promise<T>): Promise<T> {
    const { backoff, clock, random, signal, retryable, observer, dependency } = this.#options;
    return retry(() => this.#once(operation), {
      // Read at every failure: a call may go on for as long as its dependency is down, and the
      // settings change meanwhile.
      policy: {
        get delayMs() {
          return backoff.delayMs;
        },
        get delayMsMax() {
          return backoff.delayMsMax;
        },
        attemptsMax: Infinity,
      },
      clock,
      random,
      signal,
      retryable,
      onRetry: (error) => observer.retried(dependency, error),
    });
  }

  /** Resolves when calls are let through; what takes in new work waits here. */
  async whenClosed(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (this.#circuit.state(clock.monotonic()) !== 'closed')
      await clock.sleep(closedPollMs, signal);
  }

  async #once<T>(operation: () => Promise<T>): Promise<T> {
    const { clock, retryable, signal } = this.#options;
    let permit = this.#circuit.admit(clock.monotonic());
    while (permit === null) {
      const dueAt = this.#circuit.probeDueAt();
      await clock.sleep(
        dueAt === null ? closedPollMs : Math.max(1, dueAt - clock.monotonic()),
        signal,
      );
      permit = this.#circuit.admit(clock.monotonic());
    }
    this.#report();
    try {
      const result = await operation();
      this.#circuit.succeeded(permit);
      return result;
    } catch (error) {
      // A refusal of the content is an answer: the dependency is up.
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

/** How often a caller that is kept away looks whether the circuit lets it through again. */
const closedPollMs = 50;
