// Stops calls to a dependency that is down, and lets one probe at a time through until it is back.

import { type Backoff, backoffMs } from '#core/time/retry.ts';

export type CircuitState = 'closed' | 'open' | 'half-open';

export type CircuitPolicy = Backoff & {
  /** Consecutive failures that open the circuit. */
  readonly failuresMax: number;
};

/** Permission for one call. Report its result once, by `succeeded` or `failed`. */
export type Permit = { readonly generation: number };

/**
 * Failures in a row open the circuit. When the delay is over it is half-open, and one probe may
 * pass: its success closes the circuit, its failure opens it for a longer delay.
 *
 *     closed ──failuresMax failures──► open ──delay is over──► half-open ──probe succeeds──► closed
 *                                       ▲                          │
 *                                       └───────probe fails────────┘
 *
 * `now` is monotonic milliseconds. The result of a call that was admitted before the last change of
 * state is ignored, because it says nothing new.
 */
export class CircuitBreaker {
  readonly #policy: CircuitPolicy;
  /** Grows with each opening, probe and closing. A permit of an older generation is late. */
  #generation = 0;
  #failures = 0;
  /** Openings in a row; 0 while closed. */
  #openings = 0;
  #isProbing = false;
  #probeDueAt = 0;

  constructor(policy: CircuitPolicy) {
    this.#policy = policy;
  }

  state(now: number): CircuitState {
    if (this.#openings === 0) return 'closed';
    return this.#isProbing || now >= this.#probeDueAt ? 'half-open' : 'open';
  }

  /**
   * When the next probe may start, in monotonic ms. `null` while the circuit is closed or a probe
   * is running.
   */
  probeDueAt(): number | null {
    return this.#openings === 0 || this.#isProbing ? null : this.#probeDueAt;
  }

  /** `null` means: do not call now. */
  admit(now: number): Permit | null {
    if (this.#openings > 0) {
      if (this.#isProbing || now < this.#probeDueAt) return null;
      this.#isProbing = true;
      this.#generation++;
    }
    return { generation: this.#generation };
  }

  succeeded(permit: Permit): void {
    if (permit.generation !== this.#generation) return;
    this.#failures = 0;
    if (this.#openings > 0) this.#change({ openings: 0 });
  }

  failed(permit: Permit, now: number): void {
    if (permit.generation !== this.#generation) return;
    this.#failures++;
    if (this.#openings === 0 && this.#failures < this.#policy.failuresMax) return;
    this.#change({ openings: this.#openings + 1 });
    this.#probeDueAt = now + backoffMs(this.#policy, this.#openings);
  }

  #change({ openings }: { openings: number }): void {
    this.#openings = openings;
    this.#isProbing = false;
    this.#generation++;
  }
}
