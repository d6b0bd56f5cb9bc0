// Sees to it that what a wrong runner embedded is found no more, and is embedded again: in this
// life of the gateway or the next.
//
//   begin ──► mark in the store ──► verifiedUntil… ──► end: the mark goes
//                    │                  └─ distrust: withheld at once, embedded again, then the mark goes
//                    └─ gateway dies: whoever finds the mark embeds again what came after it

import type {
  BareText,
  Clock,
  EmbeddingService,
  Provenance,
  TextRecord,
  VectorStore,
} from '#core/ports.ts';
import { backoffMs, type Backoff } from '#core/time/retry.ts';

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
export type ProvenanceLog = {
  /**
   * Before the session's first work: resolves once its mark is durable, however long that takes;
   * rejects with the signal's reason.
   */
  begin(runnerSession: string, at: number, signal: AbortSignal): Promise<void>;
  /** What the session embedded before is right. */
  vouched(runnerSession: string, verifiedUntil: number): void;
  /** The session is over, and all of its work was checked. */
  end(runnerSession: string): void;
  /**
   * The session is over, and what it embedded from `verifiedUntil` on is wrong; what came before
   * may be.
   */
  distrust(runnerSession: string, verifiedUntil: number): void;
};

/** A session whose work is embedded again. */
type Suspect = {
  /** What came later has its vectors taken, from `withheldFrom` (monotonic ms) on. */
  readonly verifiedUntil: number;
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

/** Texts that are embedded again at once; they wait in the same line as new ones. */
const inHandMax = 512;
/** So many that came back are written without waiting for the next step. */
const wakeTexts = 64;
const stepMs = 250;
const withheldAgainMs = 2_000;
/**
 * Sessions of this life that are not believed: what of theirs is still on its way to the store is
 * dropped.
 */
const distrustedMax = 10_000;
/** A text that cannot be embedded is left without a vector for so long. */
const failedAgainMs = 5 * 60_000;
const failedMax = 1_000;
/** A mark that no gateway has renewed for so many check intervals is nobody's. */
const abandonedIntervals = 3;

export class Repair implements ProvenanceLog {
  readonly #options: RepairOptions;
  /** Sessions of this gateway that still work or are still checked. */
  readonly #open = new Map<string, { verifiedUntil: number; markedAt: number }>();
  readonly #ended = new Set<string>();
  readonly #suspects = new Map<string, Suspect>();
  readonly #distrusted = new Set<string>();
  /** Id → monotonic ms when it is tried again. */
  readonly #failed = new Map<string, number>();
  /** Ids with the fleet, or on their way to the store. */
  readonly #inHand = new Set<string>();
  readonly #embedded: TextRecord[] = [];
  #wake = new AbortController();
  #lookAt = 0;

  constructor(options: RepairOptions) {
    this.#options = options;
  }

  async begin(runnerSession: string, at: number, signal: AbortSignal): Promise<void> {
    const { store, clock, backoff, observer } = this.#options;
    this.#open.set(runnerSession, { verifiedUntil: at, markedAt: clock.monotonic() });
    for (let failures = 1; ; failures++) {
      try {
        return await store.provenanceStore.mark({
          runnerSession,
          verifiedUntil: at,
          renewedAt: clock.now(),
        });
      } catch (error) {
        observer.failed(error);
        await clock.sleep(backoffMs(backoff, failures), signal);
      }
    }
  }

  vouched(runnerSession: string, verifiedUntil: number): void {
    const session = this.#open.get(runnerSession);
    if (session !== undefined)
      session.verifiedUntil = Math.max(session.verifiedUntil, verifiedUntil);
  }

  end(runnerSession: string): void {
    if (this.#open.delete(runnerSession)) this.#ended.add(runnerSession);
  }

  distrust(runnerSession: string, verifiedUntil: number): void {
    const {
      clock,
      limits: { checkIntervalMs },
    } = this.#options;
    this.#open.delete(runnerSession);
    this.#ended.delete(runnerSession);
    this.#distrusted.add(runnerSession);
    const [oldest] = this.#distrusted;
    if (this.#distrusted.size > distrustedMax && oldest !== undefined)
      this.#distrusted.delete(oldest);
    const now = clock.monotonic();
    this.#suspects.set(runnerSession, {
      verifiedUntil,
      withheldFrom: now,
      redoneSince: 0,
      openUntil: now + checkIntervalMs,
      isMarked: false,
      withheldAt: -Infinity,
    });
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
      try {
        await this.#step(signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        observer.failed(error);
      }
      if (this.#wake.signal.aborted) this.#wake = new AbortController();
      const restMs = failures > 0 ? backoffMs(backoff, failures) : stepMs;
      await clock
        .sleep(restMs, AbortSignal.any([signal, this.#wake.signal]))
        .catch(() => undefined);
    }
  }

  /**
   * Once the sessions have ended, so that the next life looks only at what was left open. Trouble
   * with the store leaves all as it was.
   */
  async close(): Promise<void> {
    const {
      store: { provenanceStore },
      clock,
      observer,
    } = this.#options;
    try {
      for (const runnerSession of this.#ended) await provenanceStore.unmark(runnerSession);
      for (const [runnerSession, { verifiedUntil }] of this.#open)
        await provenanceStore.mark({ runnerSession, verifiedUntil, renewedAt: clock.now() });
    } catch (error) {
      observer.failed(error);
    }
  }

  async #step(signal: AbortSignal): Promise<void> {
    const {
      store: { provenanceStore },
      clock,
      limits: { checkIntervalMs },
    } = this.#options;
    await this.#withhold();
    await this.#write();
    await this.#keepMarks();
    const now = clock.monotonic();
    const looks = now >= this.#lookAt;
    if (looks) {
      await this.#adopt();
      this.#lookAt = now + checkIntervalMs / 4;
    }
    // What is withheld may be of another gateway that died, or of an earlier life.
    if (!looks && this.#suspects.size === 0 && this.#inHand.size === 0) return;
    const page = inHandMax + this.#failed.size;
    this.#embedAgain(await provenanceStore.withheld(page), signal);
    for (const [runnerSession, { redoneSince, openUntil }] of this.#suspects) {
      const texts = await provenanceStore.embeddedBy({ runnerSession, since: redoneSince }, page);
      this.#embedAgain(texts, signal);
      if (clock.monotonic() < openUntil || texts.length > 0) continue;
      await provenanceStore.unmark(runnerSession);
      this.#suspects.delete(runnerSession);
    }
  }

  /** Again and again while a write of the session's may still be on its way. */
  async #withhold(): Promise<void> {
    const {
      store: { provenanceStore },
      clock,
    } = this.#options;
    for (const [runnerSession, suspect] of this.#suspects) {
      const now = clock.monotonic();
      if (now < Math.max(suspect.withheldFrom, suspect.withheldAt + withheldAgainMs)) continue;
      await provenanceStore.withhold({ runnerSession, since: suspect.verifiedUntil });
      suspect.withheldAt = now;
      if (suspect.isMarked) continue;
      await provenanceStore.mark({
        runnerSession,
        verifiedUntil: suspect.redoneSince,
        renewedAt: clock.now(),
      });
      suspect.isMarked = true;
    }
  }

  async #keepMarks(): Promise<void> {
    const {
      store: { provenanceStore },
      clock,
      limits: { checkIntervalMs },
    } = this.#options;
    const now = clock.monotonic();
    for (const [runnerSession, session] of this.#open) {
      if (now - session.markedAt < checkIntervalMs) continue;
      session.markedAt = now;
      await provenanceStore.mark({
        runnerSession,
        verifiedUntil: session.verifiedUntil,
        renewedAt: clock.now(),
      });
    }
    for (const runnerSession of this.#ended) {
      await provenanceStore.unmark(runnerSession);
      this.#ended.delete(runnerSession);
    }
  }

  /**
   * Sessions of a gateway that is gone: nobody will check their last work any more. It is embedded
   * again in place, and what is left after a check interval, such as without a runner, is
   * withheld.
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
      if (
        this.#open.has(runnerSession) ||
        this.#ended.has(runnerSession) ||
        this.#suspects.has(runnerSession)
      )
        continue;
      if (isShared && clock.now() - renewedAt < abandonedIntervals * checkIntervalMs) continue;
      const deadline = now + checkIntervalMs * 0.75;
      this.#suspects.set(runnerSession, {
        verifiedUntil,
        withheldFrom: deadline,
        redoneSince: verifiedUntil,
        openUntil: now,
        isMarked: true,
        withheldAt: -Infinity,
      });
      observer.adopted(runnerSession);
    }
  }

  /** Hands them to the fleet, up to a bound; what comes back is written by the next steps. */
  #embedAgain(texts: readonly BareText[], signal: AbortSignal): void {
    const { clock, embedding } = this.#options;
    for (const text of texts) {
      if (this.#inHand.size >= inHandMax) return;
      if (this.#inHand.has(text.id) || (this.#failed.get(text.id) ?? 0) > clock.monotonic())
        continue;
      this.#inHand.add(text.id);
      embedding.embed(text.text, { priority: 'bulk', signal }).then(
        (result) => {
          if (!result.ok) return this.#fail(text.id);
          this.#embedded.push({ ...text, embedding: result.embedding });
          if (this.#embedded.length >= wakeTexts) this.#wake.abort();
        },
        () => {
          // The gateway stops, or its fleet is full: the text is found again.
          this.#inHand.delete(text.id);
        },
      );
    }
  }

  async #write(): Promise<void> {
    const { store, observer } = this.#options;
    const embedded = this.#embedded.splice(0);
    const records = embedded.filter(({ embedding }) => !this.isDistrusted(embedding.provenance));
    try {
      const outcomes = records.length === 0 ? [] : await store.putTexts(records);
      for (const [at, { status }] of outcomes.entries())
        if (status === 'rejected') this.#fail(records[at]?.id ?? '');
      const stored = outcomes.filter(({ status }) => status === 'stored').length;
      if (stored > 0) observer.repaired(stored);
    } finally {
      for (const { id } of embedded) this.#inHand.delete(id);
    }
  }

  #fail(id: string): void {
    const { clock } = this.#options;
    const now = clock.monotonic();
    for (const [failed, until] of this.#failed) if (until <= now) this.#failed.delete(failed);
    if (this.#failed.size < failedMax) this.#failed.set(id, now + failedAgainMs);
    this.#inHand.delete(id);
  }
}
