// How a store erases persons and keeps them erased.

/**
 * What is erased: the events of a user or of a session, those about a product, or one event by its
 * stored id.
 */
export type ErasureSubject = {
  readonly kind: 'user' | 'session' | 'product' | 'event';
  readonly id: string;
};

/** What a record may delete. */
export const deletedKinds = ['event', 'product', 'user'] as const;
export type DeletedSubject = ErasureSubject & { readonly kind: (typeof deletedKinds)[number] };

/** A delete by a record of the log: what its subject did until `at` (UTC ms). */
export type Deletion = { readonly subject: DeletedSubject; readonly at: number };

/**
 * Says that what a subject did until `at` (UTC ms) is erased. `mark` is a keyed hash of the
 * subject, so that the id itself is kept nowhere. Tombstones are kept for ever, because a source
 * may deliver old records again at any time.
 */
export type Tombstone = { readonly mark: string; readonly at: number };

/** The erasure of a person: at most one for each user. */
export type ErasureRequest = {
  /** A UUID that is derived from the user's mark. */
  readonly id: string;
  /** `null` once everything else is erased. */
  readonly userId: string | null;
  /** The user's own sessions that were found; empty once everything else is erased. */
  readonly sessionIds: readonly string[];
  /** UTC ms. What was done until then is erased. */
  readonly at: number;
  /** UTC ms; `null` while it runs. */
  readonly finishedAt: number | null;
  /** How much was erased so far, by place. */
  readonly counts: Readonly<Record<string, number>>;
};

/**
 * What erases persons, shared by all gateways of a store. All calls are idempotent, are applied
 * when they resolve, and throw the errors of `VectorStore`.
 */
export type ErasureStore = {
  /**
   * How long writes of events may still be under way after `addTombstones`, in ms: until then,
   * another gateway may not know the tombstone.
   */
  readonly settleMs: number;
  /**
   * The secret of the marks: made at the first call, and the same in every gateway. `first`: what
   * it shall be if this is the first call, so that a second index knows the marks of the first.
   */
  key(first?: Uint8Array): Promise<Uint8Array>;
  /** Adds tombstones. The later of two with one mark stays. */
  addTombstones(tombstones: readonly Tombstone[]): Promise<void>;
  /** Tombstones with this time (UTC ms) or a later one, in no particular order. */
  tombstonesSince(at: number): Promise<readonly Tombstone[]>;
  /**
   * Writes a request, unless one of a later time (`at`) has this id. Sessions are only ever added,
   * also to the later one, until `userId` is `null`: several gateways may find and write them at
   * once.
   */
  putRequest(request: ErasureRequest): Promise<void>;
  request(id: string): Promise<ErasureRequest | null>;
  /** Requests that are not finished, at most 1,000. */
  openRequests(): Promise<readonly ErasureRequest[]>;
  /**
   * Deletes events of the subject that happened or were taken in until then; of a single event only
   * versions until then. Queries that no event refers to any more go with them. The work per call
   * is bounded; while `more` is true, call again.
   */
  eraseEvents(request: {
    readonly subject: ErasureSubject;
    readonly until: number;
  }): Promise<{ readonly events: number; readonly texts: number; readonly more: boolean }>;
  /** Overwrites what deleted rows may have left in files. Absent where the files are of others. */
  readonly scrub?: () => Promise<void>;
};
