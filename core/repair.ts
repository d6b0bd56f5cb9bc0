// Sees to it that what a wrong runner embedded is found no more, and is embedded again: in this life of the gateway or the next.
//
//   begin ──► mark in the store ──► goodUntil… ──► end: the mark goes
//                    │                  └─ distrust: withheld at once, embedded again, then the mark goes
//                    └─ gateway dies: whoever finds the mark embeds again what came after it
import type { BareText, Clock, EmbeddingService, Provenance, VectorStore } from './ports.ts';
import { backoffMs, type Backoff } from './retry.ts';

export type RepairOptions = {
  readonly store: VectorStore;
  /** With the model's prefixes, as the pipeline has it. */
  readonly embedding: EmbeddingService;
  readonly clock: Clock;
  /** Read at every use. */
  readonly limits: { readonly checkIntervalMs: number };
  /** Other gateways write to the same store. */
  readonly isShared: boolean;
  readonly backoff: Backoff;
  /** Called synchronously; must not throw. */
  readonly observer: {
    /** Texts that were embedded again. */
    repaired(texts: number): void;
    /** A session of a gateway that is gone. */
    adopted(runnerSession: string): void;
    failed(error: unknown): void;
  };
};

/** What the runner hub tells of its sessions. Times are UTC ms. */
export type WorkLedger = {
  /** Before the session's first work: resolves once its mark is durable, however long that takes; rejects with the signal's reason. */
  begin(runnerSession: string, at: number, signal: AbortSignal): Promise<void>;
  /** What the session embedded before is right. */
  vouched(runnerSession: string, goodUntil: number): void;
  /** The session is over, and all of its work was checked. */
  end(runnerSession: string): void;
  /** The session is over, and what it embedded from `goodUntil` on is wrong; what came before may be. */
  distrust(runnerSession: string, goodUntil: number): void;
};

/** A session whose work is embedded again. */
type Suspect = {
  /** What came later has its vectors taken, from `withheldFrom` (monotonic ms) on. */
  readonly goodUntil: number;
  readonly withheldFrom: number;
  /** All since then is embedded again, in place. */
  readonly redoneSince: number;
  /** Monotonic ms: until then a write of its vectors may still be on its way. */
  readonly openUntil: number;
  /** The store's mark says so, for the next life. */
  isMarked: boolean;
  /** Monotonic ms: when its vectors were last taken. */
  withheldAt: number;
};

const pageTexts = 256;
const stepMs = 250;
const withheldAgainMs = 2_000;
/** Sessions of this life that are not believed: what of theirs is still on its way to the store is dropped. */
const distrustedMax = 10_000;
/** A text that cannot be embedded is left without a vector for so long. */
const failedAgainMs = 5 * 60_000;
const failedMax = 1_000;
/** A mark that no gateway has renewed for so many check intervals is nobody's. */
const abandonedIntervals = 3;

export class Repair implements WorkLedger {
  readonly #options: RepairOptions;
  /** Sessions of this gateway that still work or are still checked. */
  readonly #open = new Map<string, { goodUntil: number; markedAt: number }>();
  readonly #ended = new Set<string>();
  readonly #suspects = new Map<string, Suspect>();
  readonly #distrusted = new Set<string>();
  readonly #failed = new Map<string, number>();
  #wake = new AbortController();
  #lookAt = 0;

  constructor(options: RepairOptions) {
    this.#options = options;
  }

  async begin(runnerSession: string, at: number, signal: AbortSignal): Promise<void> {
    const { store, clock, backoff, observer } = this.#options;
    this.#open.set(runnerSession, { goodUntil: at, markedAt: clock.monotonic() });
    for (let failures = 1; ; failures++) {
      try {
        return await store.vouching.mark({ runnerSession, goodUntil: at, renewedAt: clock.now() });
      } catch (error) {
        observer.failed(error);
        await clock.sleep(backoffMs(backoff, failures), signal);
      }
    }
  }

  vouched(runnerSession: string, goodUntil: number): void {
    const session = this.#open.get(runnerSession);
    if (session !== undefined) session.goodUntil = Math.max(session.goodUntil, goodUntil);
  }

  end(runnerSession: string): void {
    if (this.#open.delete(runnerSession)) this.#ended.add(runnerSession);
  }

  distrust(runnerSession: string, goodUntil: number): void {
    const { clock, limits: { checkIntervalMs } } = this.#options;
    this.#open.delete(runnerSession);
    this.#ended.delete(runnerSession);
    this.#distrusted.add(runnerSession);
    const [oldest] = this.#distrusted;
    if (this.#distrusted.size > distrustedMax && oldest !== undefined) this.#distrusted.delete(oldest);
    const now = clock.monotonic();
    this.#suspects.set(runnerSession, { goodUntil, withheldFrom: now, redoneSince: 0, openUntil: now + checkIntervalMs, isMarked: false, withheldAt: -Infinity });
    this.#wake.abort();
  }

  /** Its vector must not be stored: the runner was found wrong after it had answered. */
  isDistrusted({ runnerSession }: Provenance): boolean {
    return this.#distrusted.has(runnerSession);
  }

  /** Until the signal aborts. Trouble with the store is waited out: the marks are there. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, observer, backoff } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      let more = false;
      try {
        more = await this.#step(signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        observer.failed(error);
      }
      if (this.#wake.signal.aborted) this.#wake = new AbortController();
      const restMs = failures > 0 ? backoffMs(backoff, failures) : more ? 0 : stepMs;
      if (restMs > 0) await clock.sleep(restMs, AbortSignal.any([signal, this.#wake.signal])).catch(() => undefined);
    }
  }

  /** Once the sessions have ended, so that the next life looks only at what was left open. Trouble with the store leaves all as it was. */
  async close(): Promise<void> {
    const { store: { vouching }, clock, observer } = this.#options;
    try {
      for (const runnerSession of this.#ended) await vouching.unmark(runnerSession);
      for (const [runnerSession, { goodUntil }] of this.#open) await vouching.mark({ runnerSession, goodUntil, renewedAt: clock.now() });
    } catch (error) {
      observer.failed(error);
    }
  }

  /** `true`: there is more to embed again. */
  async #step(signal: AbortSignal): Promise<boolean> {
    const { store: { vouching }, clock, limits: { checkIntervalMs } } = this.#options;
    await this.#withhold();
    await this.#keepMarks();
    const now = clock.monotonic();
    const looks = now >= this.#lookAt;
    if (looks) {
      await this.#adopt();
      this.#lookAt = now + checkIntervalMs / 4;
    }
    if (!looks && this.#suspects.size === 0) return false;
    const withheld = await vouching.withheld(pageTexts + this.#failed.size);
    if (await this.#embedAgain(withheld, signal)) return true;
    for (const [runnerSession, { redoneSince, openUntil }] of this.#suspects) {
      const texts = await vouching.embeddedBy({ runnerSession, since: redoneSince }, pageTexts + this.#failed.size);
      if (await this.#embedAgain(texts, signal)) return true;
      if (clock.monotonic() < openUntil || texts.length > 0) continue;
      await vouching.unmark(runnerSession);
      this.#suspects.delete(runnerSession);
    }
    return false;
  }

  /** Again and again while a write of the session's may still be on its way. */
  async #withhold(): Promise<void> {
    const { store: { vouching }, clock } = this.#options;
    for (const [runnerSession, suspect] of this.#suspects) {
      const now = clock.monotonic();
      if (now < Math.max(suspect.withheldFrom, suspect.withheldAt + withheldAgainMs)) continue;
      await vouching.withhold({ runnerSession, since: suspect.goodUntil });
      suspect.withheldAt = now;
      if (suspect.isMarked) continue;
      await vouching.mark({ runnerSession, goodUntil: suspect.redoneSince, renewedAt: clock.now() });
      suspect.isMarked = true;
    }
  }

  async #keepMarks(): Promise<void> {
    const { store: { vouching }, clock, limits: { checkIntervalMs } } = this.#options;
    const now = clock.monotonic();
    for (const [runnerSession, session] of this.#open) {
      if (now - session.markedAt < checkIntervalMs) continue;
      session.markedAt = now;
      await vouching.mark({ runnerSession, goodUntil: session.goodUntil, renewedAt: clock.now() });
    }
    for (const runnerSession of this.#ended) {
      await vouching.unmark(runnerSession);
      this.#ended.delete(runnerSession);
    }
  }

  /**
   * Sessions of a gateway that is gone: nobody will check their last work any more. It is embedded again in place, and what
   * is left after a check interval, such as without a runner, is withheld.
   */
  async #adopt(): Promise<void> {
    const { store: { vouching }, clock, limits: { checkIntervalMs }, isShared, observer } = this.#options;
    const now = clock.monotonic();
    for (const { runnerSession, goodUntil, renewedAt } of await vouching.marks()) {
      if (this.#open.has(runnerSession) || this.#ended.has(runnerSession) || this.#suspects.has(runnerSession)) continue;
      if (isShared && clock.now() - renewedAt < abandonedIntervals * checkIntervalMs) continue;
      const deadline = now + checkIntervalMs * 0.75;
      this.#suspects.set(runnerSession, { goodUntil, withheldFrom: deadline, redoneSince: goodUntil, openUntil: now, isMarked: true, withheldAt: -Infinity });
      observer.adopted(runnerSession);
    }
  }

  /** `false` when there was nothing to do. */
  async #embedAgain(texts: readonly BareText[], signal: AbortSignal): Promise<boolean> {
    const { store, embedding, clock, observer } = this.#options;
    const now = clock.monotonic();
    for (const [id, until] of this.#failed) if (until <= now) this.#failed.delete(id);
    const due = texts.filter(({ id }) => !this.#failed.has(id)).slice(0, pageTexts);
    if (due.length === 0) return false;
    // A text waits for a runner as long as it takes; new suspects and marks do not wait with it.
    const patience = AbortSignal.any([signal, this.#wake.signal]);
    const enough = new AbortController();
    const late = clock.sleep(this.#options.limits.checkIntervalMs / 8, AbortSignal.any([patience, enough.signal])).then(() => enough.abort(), () => undefined);
    const results = await Promise.all(due.map(async (text) => {
      try {
        return { text, result: await embedding.embed(text.text, { priority: 'bulk', signal: AbortSignal.any([patience, enough.signal]) }) };
      } catch (error) {
        if (signal.aborted) throw error;
        return null;
      }
    }));
    enough.abort();
    await late;
    const failed = (id: string): void => {
      if (this.#failed.size < failedMax) this.#failed.set(id, now + failedAgainMs);
    };
    const records = results.flatMap((one) => {
      if (one === null) return [];
      if (one.result.ok) return this.isDistrusted(one.result.embedding.provenance) ? [] : [{ ...one.text, embedding: one.result.embedding }];
      failed(one.text.id);
      return [];
    });
    if (records.length === 0) return false;
    const outcomes = await store.putTexts(records);
    for (const [at, { status }] of outcomes.entries()) if (status === 'rejected') failed(records[at]?.id ?? '');
    observer.repaired(outcomes.filter(({ status }) => status === 'stored').length);
    return true;
  }
}
