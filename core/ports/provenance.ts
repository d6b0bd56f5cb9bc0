// Who computed the stored vectors, so that those of a faulty runner can be replaced.

import type { Embedding } from './events.ts';
import type { BareText } from './stored-records.ts';

/**
 * How far the work of a runner session is verified. A mark is kept while some of the session's work
 * is not verified.
 */
export type SessionMark = {
  /** A UUID. */
  readonly runnerSession: string;
  /** UTC ms. Everything that the session embedded before this time has passed its checks. */
  readonly verifiedUntil: number;
  /** When a gateway last confirmed that it watches this session, UTC ms. */
  readonly renewedAt: number;
};

/** The texts that a session embedded at `since` (UTC ms) or later. */
export type SessionWork = { readonly runnerSession: string; readonly since: number };

/**
 * Finds the vectors of a faulty runner so that they can be replaced, even after a crash or by
 * another gateway. All calls are idempotent, are applied when they resolve, and throw the errors of
 * `VectorStore`.
 *
 * A _withheld_ text is one whose vector must not be used:
 *
 * - `knownTexts`, `vectors`, `embeddings`, `search` and `embeddedBy` leave it out.
 * - `texts` and `counts` still include it, and `withheld` lists it.
 * - Its events stay, in `events`, `event` and `countsBy` too, and `putEvents` accepts more of them.
 * - `forget` treats it like any other text.
 * - `putTexts` gives it a new vector and ends the withholding.
 */
export type ProvenanceStore = {
  /** Creates or replaces the session's mark. */
  mark(mark: SessionMark): Promise<void>;
  unmark(runnerSession: string): Promise<void>;
  /** All marks, at most 10,000, in no particular order. */
  marks(): Promise<readonly SessionMark[]>;
  /**
   * Texts of this work, in no particular order. Leaves out texts that another session has embedded
   * since.
   */
  embeddedBy(work: SessionWork, limit: number): Promise<readonly BareText[]>;
  /** Withholds all of these texts. */
  withhold(work: SessionWork): Promise<void>;
  /** Withheld texts, in no particular order. */
  withheld(limit: number): Promise<readonly BareText[]>;
  /** Stored texts in order of their ids, withheld ones included; `after`: the last id of a page. */
  textsAfter(after: string | null, limit: number): Promise<readonly BareText[]>;
  /** The vectors of the known texts among these, each with who computed it. */
  embeddings(textIds: readonly string[]): Promise<ReadonlyMap<string, Embedding>>;
};
