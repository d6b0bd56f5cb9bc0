// A rest between two steps of a loop, which ends early when something is to do.

import type { Clock } from '#core/ports.ts';
import { rest } from './rest.ts';

export class Wake {
  #called = new AbortController();

  /** Ends the rest that runs, or else the next one, so that no call is lost. */
  call(): void {
    this.#called.abort();
  }

  /** Resolves after `ms`, or as soon as it is called or the signal aborts. Never rejects. */
  async rest(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    await rest(clock, ms, AbortSignal.any([signal, this.#called.signal]));
    this.#called = new AbortController();
  }
}
