// Keeps a mark in the store for every runner session whose work is not fully checked, so that
// unchecked work is found even after the gateway dies.

import type { Clock, ProvenanceStore } from '#core/ports.ts';
import { RetryDelays, type Backoff } from '#core/time/retry.ts';

export type SessionMarksOptions = {
  readonly provenanceStore: ProvenanceStore;
  readonly clock: Clock;
  /** Read at every use. */
  readonly limits: { readonly checkIntervalMs: number };
  readonly backoff: Backoff;
  /** Called synchronously; must not throw. */
  readonly onFailure: (error: unknown) => void;
};

type OpenSession = {
  /** UTC ms: what the session embedded before this time is correct. */
  verifiedUntil: number;
  /** Monotonic ms: when its mark was last written. */
  markedAt: number;
  /** All of its work is checked, so its mark goes. */
  hasEnded: boolean;
};

/** The sessions of this gateway that still work, or whose work is still being checked. */
export class SessionMarks {
  readonly #options: SessionMarksOptions;
  readonly #open = new Map<string, OpenSession>();
  /** Sessions whose marks must still be removed from the store. */
  readonly #ended = new Set<string>();

  constructor(options: SessionMarksOptions) {
    this.#options = options;
  }

  has(runnerSession: string): boolean {
    return this.#open.has(runnerSession) || this.#ended.has(runnerSession);
  }

  /**
   * Resolves once the session's mark is durable. Retries until then, without a limit; rejects with
   * the signal's reason. The signal aborts when the session's connection ends.
   */
  async begin(runnerSession: string, at: number, signal: AbortSignal): Promise<void> {
    const { clock, backoff, onFailure } = this.#options;
    const session = { verifiedUntil: at, markedAt: clock.monotonic(), hasEnded: false };
    this.#open.set(runnerSession, session);
    this.#ended.delete(runnerSession);
    const delays = new RetryDelays({ backoff, jitter: 'none' });
    for (;;) {
      signal.throwIfAborted();
      try {
        return await this.#mark(runnerSession, at);
      } catch (error) {
        onFailure(error);
        await clock.sleep(delays.next(), signal);
      } finally {
        // If the session ended meanwhile, its mark may have arrived after it was removed.
        if (session.hasEnded) this.#ended.add(runnerSession);
      }
    }
  }

  verified(runnerSession: string, verifiedUntil: number): void {
    const session = this.#open.get(runnerSession);
    if (session !== undefined)
      session.verifiedUntil = Math.max(session.verifiedUntil, verifiedUntil);
  }

  /** All of the session's work is checked: the next `renew` removes its mark. */
  end(runnerSession: string): void {
    const session = this.#open.get(runnerSession);
    if (session === undefined) return;
    session.hasEnded = true;
    this.#open.delete(runnerSession);
    this.#ended.add(runnerSession);
  }

  /** Hands the session's mark over to another part, which manages it from now on. */
  release(runnerSession: string): void {
    this.#open.delete(runnerSession);
    this.#ended.delete(runnerSession);
  }

  /** Writes the marks that are older than a check interval; removes those of ended sessions. */
  async renew(): Promise<void> {
    const { provenanceStore, clock, limits } = this.#options;
    const now = clock.monotonic();
    for (const [runnerSession, session] of this.#open) {
      if (now - session.markedAt < limits.checkIntervalMs) continue;
      session.markedAt = now;
      await this.#mark(runnerSession, session.verifiedUntil);
    }
    for (const runnerSession of this.#ended) {
      await provenanceStore.unmark(runnerSession);
      this.#ended.delete(runnerSession);
    }
  }

  /** Removes the marks of ended sessions, and writes those of all open ones. */
  async flush(): Promise<void> {
    for (const runnerSession of this.#ended)
      await this.#options.provenanceStore.unmark(runnerSession);
    for (const [runnerSession, { verifiedUntil }] of this.#open)
      await this.#mark(runnerSession, verifiedUntil);
  }

  #mark(runnerSession: string, verifiedUntil: number): Promise<void> {
    const { provenanceStore, clock } = this.#options;
    return provenanceStore.mark({ runnerSession, verifiedUntil, renewedAt: clock.now() });
  }
}
