// The fleet as promises: each text handed in is answered once, or given up when its caller is.

import { DependencyError } from '#core/errors/errors.ts';
import type { Lane } from '#core/fleet/backlog.ts';
import type { TaskResult, Fleet } from '#core/fleet/fleet.ts';
import type { EmbeddingService, FleetResult, Provenance } from '#core/ports.ts';
import { wireLimits } from '#core/protocol/wire.ts';

type Waiting = {
  readonly resolve: (result: FleetResult) => void;
  readonly reject: (reason: unknown) => void;
  readonly release: () => void;
};

export class EmbeddingQueue implements EmbeddingService {
  readonly #fleet: Fleet;
  readonly #changed: () => void;
  readonly #waiting = new Map<string, Waiting>();
  #lastTask = 0;
  #closed = false;

  /** `changed` is called whenever the fleet may have something to assign. */
  constructor(fleet: Fleet, changed: () => void) {
    this.#fleet = fleet;
    this.#changed = changed;
  }

  embed(
    text: string,
    { priority, signal }: { readonly priority: Lane; readonly signal: AbortSignal },
  ): Promise<FleetResult> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#closed)
      return Promise.reject(
        new DependencyError(
          'fleet',
          'fleet_closed',
          'The gateway stops: no text is embedded any more.',
          { retryable: true },
        ),
      );
    if (text.length > wireLimits.textCharsMax) {
      const message = `The text has ${text.length} characters; at most ${wireLimits.textCharsMax} can be embedded.`;
      return Promise.resolve({
        ok: false,
        code: 'text_too_long',
        message,
        attempts: 0,
        runner: null,
      });
    }
    const id = `text-${++this.#lastTask}`;
    if (!this.#fleet.submit({ id, text, lane: priority })) {
      return Promise.reject(
        new DependencyError(
          'fleet',
          'fleet_full',
          'As many texts wait for a runner as may: try again later.',
          { retryable: true },
        ),
      );
    }
    return new Promise((resolve, reject) => {
      const aborted = () => {
        this.#waiting.delete(id);
        this.#fleet.cancel(id);
        reject(signal.reason);
      };
      signal.addEventListener('abort', aborted, { once: true });
      this.#waiting.set(id, {
        resolve,
        reject,
        release: () => signal.removeEventListener('abort', aborted),
      });
      this.#changed();
    });
  }

  /**
   * Hands results to those who wait for them. `provenance`: of the runner that answered; only
   * failures come without one.
   */
  settle(ended: readonly TaskResult[], provenance: Provenance | null): void {
    for (const one of ended) {
      const waiting = this.#waiting.get(one.id);
      if (waiting === undefined) continue;
      this.#waiting.delete(one.id);
      waiting.release();
      if (!one.ok) {
        waiting.resolve({
          ok: false,
          code: one.code,
          message: one.message,
          attempts: one.attempts,
          runner: one.runner,
        });
      } else if (provenance === null) {
        waiting.reject(new Error('A vector came from no runner. This is a bug in VectorStream.'));
      } else {
        waiting.resolve({
          ok: true,
          embedding: { vector: one.vector, provenance },
          ...(one.tokens !== undefined && { tokens: one.tokens }),
        });
      }
    }
  }

  /** Rejects everything that waits, and whatever comes. */
  close(): void {
    this.#closed = true;
    for (const [id, { reject, release }] of this.#waiting) {
      release();
      this.#fleet.cancel(id);
      reject(
        new DependencyError(
          'fleet',
          'fleet_closed',
          'The gateway stops before this text was embedded.',
          { retryable: true },
        ),
      );
    }
    this.#waiting.clear();
  }
}
