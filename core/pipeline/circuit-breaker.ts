// Keeps calls away from a dependency that is down, and finds out with one call at a time when it is
// back.

import { type Backoff, backoffMs } from '#core/time/retry.ts';

export type CircuitState = 'closed' | 'open' | 'half-open';

export type CircuitPolicy = Backoff & {
  /** Consecutive failures that open the circuit. */
  readonly failuresMax: number;
};

/** Leave to make one call. Each is given back once: `succeeded`, `failed` or `abandoned`. */
export type Permit = { readonly generation: number };

/**
 * closed ──failuresMax in a row──► open ──delay over──► half-open ──probe succeeds──► closed ▲ │
 * └──probe fails, longer──┘
 *
 * `now` is monotonic ms. The answer of a call made before the last change of state says nothing new
 * and is ignored.
 */
export class CircuitBreaker {
  readonly #policy: CircuitPolicy;
  /** Grows with each opening, probe and closing; a permit of an older generation is late. */
  #generation = 0;
  #failures = 0;
  /** Openings in a row; 0 while closed. */
  #openings = 0;
  #probing = false;
  #probeDueAt = 0;

  constructor(policy: CircuitPolicy) {
    this.#policy = policy;
  }

  state(now: number): CircuitState {
    if (this.#openings === 0) return 'closed';
    return this.#probing || now >= this.#probeDueAt ? 'half-open' : 'open';
  }

  /**
   * Monotonic ms from which a probe is let through; `null` while closed, and while a probe is on
   * its way.
   */
  probeDueAt(): number | null {
    return this.#openings === 0 || this.#probing ? null : this.#probeDueAt;
  }

  /** `null`: do not call now. */
  admit(now: number): Permit | null {
    if (this.#openings > 0) {
      if (this.#probing || now < this.#probeDueAt) return null;
      this.#probing = true;
      this.#generation++;
    }
    return { generation: this.#generation };
  }

  succeeded(permit: Permit): void {
    if (permit.generation !== this.#generation) return;
    this.#failures = 0;
    if (this.#openings > 0) this.#turn({ openings: 0 });
  }

  failed(permit: Permit, now: number): void {
    if (permit.generation !== this.#generation) return;
    this.#failures++;
    if (this.#openings === 0 && this.#failures < this.#policy.failuresMax) return;
    this.#turn({ openings: this.#openings + 1 });
    this.#probeDueAt = now + backoffMs(this.#policy, this.#openings);
  }

  /**
   * The call ended without telling anything about the dependency, such as by an abort: the next may
   * probe at once.
   */
  abandoned(permit: Permit): void {
    if (permit.generation === this.#generation) this.#probing = false;
  }

  #turn({ openings }: { openings: number }): void {
    this.#openings = openings;
    this.#probing = false;
    this.#generation++;
  }
}
