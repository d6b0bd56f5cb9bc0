// Withholds the unverified vectors of sessions that are not believed, and keeps each session whose
// texts are embedded again until none is left.

import type { BareText, Clock, ProvenanceStore } from '#core/ports.ts';

/** A session whose work is embedded again. Times are UTC ms, or monotonic ms where it says so. */
export type Suspect = {
  /** Vectors made later are withheld, from `withholdFrom` (monotonic ms, `Infinity`: never) on. */
  readonly verifiedUntil: number;
  readonly withholdFrom: number;
  /** Texts embedded later are embedded again, in place. */
  readonly reEmbedSince: number;
  /** Monotonic ms: until then, a write of its vectors may still be on its way to the store. */
  readonly openUntil: number;
  /** Its mark in the store says `reEmbedSince`, for a gateway that finds it later. */
  readonly isMarked: boolean;
};

/** How often the vectors of a suspect are withheld again while it is open, in ms. */
const withholdEveryMs = 2_000;

/** How long the texts of a suspect are not looked at, when all that are left have failed. */
const restMs = 30_000;

type Entry = Suspect & {
  isMarked: boolean;
  /** Monotonic ms. */
  withheldAt: number;
  /** Monotonic ms: its texts are not looked at before. */
  restsUntil: number;
};

export class SuspectSessions {
  readonly #store: ProvenanceStore;
  readonly #clock: Clock;
  readonly #isOpen: (runnerSession: string) => boolean;
  readonly #suspects = new Map<string, Entry>();

  /** `isOpen`: the session goes on, and its mark is not removed here. */
  constructor(store: ProvenanceStore, clock: Clock, isOpen: (runnerSession: string) => boolean) {
    this.#store = store;
    this.#clock = clock;
    this.#isOpen = isOpen;
  }

  get size(): number {
    return this.#suspects.size;
  }

  has(runnerSession: string): boolean {
    return this.#suspects.has(runnerSession);
  }

  add(runnerSession: string, suspect: Suspect): void {
    this.#suspects.set(runnerSession, { ...suspect, withheldAt: -Infinity, restsUntil: 0 });
  }

  /**
   * Takes the unverified vectors of all suspects out of the store. This is repeated, because a
   * write of a suspect's vectors may land after an earlier call.
   */
  async withhold(): Promise<void> {
    for (const [runnerSession, suspect] of this.#suspects) {
      const now = this.#clock.monotonic();
      if (now < Math.max(suspect.withholdFrom, suspect.withheldAt + withholdEveryMs)) continue;
      await this.#store.withhold({ runnerSession, since: suspect.verifiedUntil });
      suspect.withheldAt = now;
      if (suspect.isMarked) continue;
      await this.#store.mark({
        runnerSession,
        verifiedUntil: suspect.reEmbedSince,
        renewedAt: this.#clock.now(),
      });
      suspect.isMarked = true;
    }
  }

  /**
   * Passes up to `limit` texts of each suspect to `embed`, which says whether any of them can be
   * embedded now. A suspect that is no longer open and has no texts left is forgotten, and its mark
   * removed.
   */
  async reEmbed(limit: number, embed: (texts: readonly BareText[]) => boolean): Promise<void> {
    for (const [runnerSession, suspect] of this.#suspects) {
      const { reEmbedSince, openUntil } = suspect;
      const now = this.#clock.monotonic();
      if (now < suspect.restsUntil) continue;
      const work = { runnerSession, since: reEmbedSince };
      const texts = await this.#store.embeddedBy(work, limit);
      const isWorth = embed(texts);
      if (now < openUntil) continue;
      if (texts.length > 0) {
        if (!isWorth) suspect.restsUntil = now + restMs;
        continue;
      }
      if (!this.#isOpen(runnerSession)) await this.#store.unmark(runnerSession);
      this.#suspects.delete(runnerSession);
    }
  }
}
