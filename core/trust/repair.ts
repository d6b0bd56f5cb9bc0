// Removes a faulty runner's vectors from search and embeds those texts again, even across a restart
// of the gateway.
//
//   begin ──► mark in the store ──► verified… ──► end: the mark is removed
//                    │                  ├─ distrust: its vectors are withheld at once and its texts
//                    │                  │  embedded again; then the mark is removed
//                    │                  └─ reEmbed: it stops unproven; its texts are embedded
//                    │                     again, in place; then the mark is removed
//                    └─ the gateway dies: the gateway that finds the mark embeds again what the
//                       session embedded after it

import { BoundedMap } from '#core/collections/bounded-map.ts';
import type { Clock, EmbeddingService, Provenance, VectorStore } from '#core/ports.ts';
import { RetryDelays, type Backoff } from '#core/time/retry.ts';
import { Wake } from '#core/time/wake.ts';
import { ReEmbedder, type RefusedText } from './re-embedder.ts';
import { SessionMarks } from './session-marks.ts';
import { SuspectSessions } from './suspect-sessions.ts';

export type RepairOptions = {
  readonly store: VectorStore;
  /** The embedding service with the model's prefixes, as the pipeline has it. */
  readonly embedding: EmbeddingService;
  readonly clock: Clock;
  /** Read at every use. */
  readonly limits: { readonly checkIntervalMs: number };
  /** Other gateways write to the same store. */
  readonly isShared: boolean;
  readonly backoff: Backoff;
  /** Called synchronously; must not throw. */
  readonly observer: {
    /** This many texts were embedded again. */
    repaired(texts: number): void;
    /** The store refuses this text's new vector. Said once; the text is tried again rarely. */
    refused(text: RefusedText): void;
    /** The session belonged to a gateway that is gone; its work is embedded again. */
    adopted(runnerSession: string): void;
    failed(error: unknown): void;
  };
};

/** Where the runner hub reports its untrusted sessions. Times are UTC ms. */
export type ProvenanceLog = {
  /**
   * Call before the session's first work. Resolves once the session's mark is durable, however long
   * that takes; rejects with the signal's reason. The signal aborts when the session's connection
   * ends.
   */
  begin(runnerSession: string, at: number, signal: AbortSignal): Promise<void>;
  /** What the session embedded before `verifiedUntil` is correct. */
  verified(runnerSession: string, verifiedUntil: number): void;
  /** The session is over, and all of its work was checked. */
  end(runnerSession: string): void;
  /**
   * The session is over and is not believed: what it embedded from `verifiedUntil` on is wrong, and
   * what it embedded before may be wrong.
   */
  distrust(runnerSession: string, verifiedUntil: number): void;
  /**
   * The session works no more, or idles (`hasEnded` false), and was not proven: what it embedded
   * from `since` on is embedded again in place, because its few checks may have met nothing wrong.
   */
  reEmbed(runnerSession: string, since: number, hasEnded: boolean): void;
};

const stepMs = 250;
/** Sessions whose late vectors are dropped, so that they do not reach the store. */
const distrustedMax = 10_000;
/** A mark that was not renewed for this many check intervals belongs to a gateway that is gone. */
const abandonedIntervals = 3;

export class Repair implements ProvenanceLog {
  readonly #options: RepairOptions;
  readonly #marks: SessionMarks;
  readonly #suspects: SuspectSessions;
  readonly #reEmbedder: ReEmbedder;
  readonly #distrusted = new BoundedMap<string, true>(() => distrustedMax);
  readonly #wake = new Wake();
  #adoptAt = 0;

  constructor(options: RepairOptions) {
    const { store, embedding, clock, limits, backoff, observer } = options;
    const { provenanceStore } = store;
    this.#options = options;
    this.#marks = new SessionMarks({
      provenanceStore,
      clock,
      limits,
      backoff,
      onFailure: (error) => observer.failed(error),
    });
    this.#suspects = new SuspectSessions(provenanceStore, clock, (session) =>
      this.#marks.has(session),
    );
    this.#reEmbedder = new ReEmbedder({
      store,
      embedding,
      priority: 'repair',
      clock,
      isDistrusted: (provenance) => this.isDistrusted(provenance),
      onVectors: () => this.#wake.call(),
      onRefused: (text) => observer.refused(text),
    });
  }

  begin(runnerSession: string, at: number, signal: AbortSignal): Promise<void> {
    return this.#marks.begin(runnerSession, at, signal);
  }

  verified(runnerSession: string, verifiedUntil: number): void {
    this.#marks.verified(runnerSession, verifiedUntil);
  }

  end(runnerSession: string): void {
    this.#marks.end(runnerSession);
  }

  distrust(runnerSession: string, verifiedUntil: number): void {
    const { clock, limits } = this.#options;
    this.#marks.release(runnerSession);
    this.#distrusted.set(runnerSession, true);
    const now = clock.monotonic();
    this.#suspects.add(runnerSession, {
      verifiedUntil,
      withholdFrom: now,
      reEmbedSince: 0,
      openUntil: now + limits.checkIntervalMs,
      isMarked: false,
    });
    this.#wake.call();
  }

  reEmbed(runnerSession: string, since: number, hasEnded: boolean): void {
    const { clock, limits } = this.#options;
    if (this.#distrusted.has(runnerSession)) return;
    if (hasEnded) this.#marks.release(runnerSession);
    this.#suspects.add(runnerSession, {
      verifiedUntil: since,
      withholdFrom: Infinity,
      reEmbedSince: since,
      openUntil: clock.monotonic() + limits.checkIntervalMs,
      // By `begin`, and not verified since.
      isMarked: true,
    });
    this.#wake.call();
  }

  /** The vector must not be stored: its runner was found wrong after it had answered. */
  isDistrusted({ runnerSession }: Provenance): boolean {
    return this.#distrusted.has(runnerSession);
  }

  /**
   * Repairs until the signal aborts, then resolves. Failures of the store are retried: the marks
   * say what is left to do.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, observer, backoff } = this.#options;
    const delays = new RetryDelays({ backoff, jitter: 'none' });
    while (!signal.aborted) {
      let restMs = stepMs;
      try {
        await this.#step(signal);
        delays.reset();
      } catch (error) {
        if (signal.aborted) return;
        observer.failed(error);
        restMs = delays.next();
      }
      await this.#wake.rest(clock, restMs, signal);
    }
  }

  /**
   * Call once the sessions have ended, so that the next start of the gateway finds only marks of
   * unchecked work. If the store fails, the marks stay as they are.
   */
  async close(): Promise<void> {
    try {
      await this.#marks.flush();
    } catch (error) {
      this.#options.observer.failed(error);
    }
  }

  async #step(signal: AbortSignal): Promise<void> {
    const { store, clock, limits, observer } = this.#options;
    await this.#suspects.withhold();
    await this.#marks.renew();
    const now = clock.monotonic();
    const adopts = now >= this.#adoptAt;
    if (adopts) {
      await this.#adopt();
      this.#adoptAt = now + limits.checkIntervalMs / 4;
    }
    // After all that protects searches: a sink that is down makes writes fail for long.
    const stored = await this.#reEmbedder.write();
    if (stored > 0) observer.repaired(stored);
    // Withheld texts may come from another gateway that died, or from before this gateway's start.
    if (!adopts && this.#suspects.size === 0 && this.#reEmbedder.isIdle) return;
    const { textsMax } = this.#reEmbedder;
    this.#reEmbedder.embed(await store.provenanceStore.withheld(textsMax), signal);
    await this.#suspects.reEmbed(textsMax, (texts) => this.#reEmbedder.embed(texts, signal));
  }

  /**
   * Takes over the sessions of a gateway that is gone, because their last work will not be checked
   * any more. It is embedded again in place. What is left after three quarters of a check interval,
   * such as when no runner is there, is withheld.
   */
  async #adopt(): Promise<void> {
    const {
      store: { provenanceStore },
      clock,
      limits: { checkIntervalMs },
      isShared,
      observer,
    } = this.#options;
    const now = clock.monotonic();
    for (const { runnerSession, verifiedUntil, renewedAt } of await provenanceStore.marks()) {
      if (this.#marks.has(runnerSession) || this.#suspects.has(runnerSession)) continue;
      if (isShared && clock.now() - renewedAt < abandonedIntervals * checkIntervalMs) continue;
      this.#suspects.add(runnerSession, {
        verifiedUntil,
        withholdFrom: now + checkIntervalMs * 0.75,
        reEmbedSince: verifiedUntil,
        openUntil: now,
        isMarked: true,
      });
      observer.adopted(runnerSession);
    }
  }
}
