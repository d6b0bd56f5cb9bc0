// The contracts of VectorStream: the data that flows through it, and a port for each part that does
// I/O. Read this file first.
//
//     EventSource ──► pipeline ──► EmbeddingService ──► VectorStore
//                        └───────► DeadLetters
//
// A port is a type; an adapter is a function that returns one. Each port has an adapter in memory
// (core/memory), which is its reference implementation, and a conformance suite (test/conformance)
// that every adapter passes.
//
// Three kinds of failure are never mixed. Bad input is a value (`Rejection`). Trouble is a typed
// error that says whether the same call may succeed later (`retryable`). A broken invariant is an
// assertion that stops the program.
//
// A port that was disposed is not used again, except where it says so. The adapters in memory
// assert that their callers keep the limits stated here.

/** What visitors of a shop do. Every event has one of these types. */
export const eventTypes = [
  'view',
  'add_to_cart',
  'remove_from_cart',
  'purchase',
  'wishlist_add',
  'search',
] as const;
export type EventType = (typeof eventTypes)[number];
/** The text of these events is that of their product. */
export const productEventTypes: readonly EventType[] = eventTypes.filter(
  (type) => type !== 'search',
);

/** The only source of time, so that a test can control every wait. */
export type Clock = {
  /** UTC, milliseconds since 1970. May jump. */
  now(): number;
  /** Milliseconds since an arbitrary origin. Never goes back: use it for durations. */
  monotonic(): number;
  /**
   * Resolves after `ms`. Rejects with `signal.reason` as soon as the signal aborts. Leaves no
   * listener behind.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};

// ── The path of an event ───────────────────────────────────────────────────────────────────────

/** One record of a log: bytes that nobody has interpreted yet. */
export type LogRecord = {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array;
  readonly headers: Readonly<Record<string, Uint8Array>>;
  /**
   * Kafka allows several headers with one name, of which the last is read. The memory of the others
   * stays with the record: their bytes, by `headerBytes`. Absent without any.
   */
  readonly repeatedHeaderBytes?: number;
  /** When the record was made, UTC ms. */
  readonly timestamp: number;
  /** Whether Kafka's value is null, which deletes what had the key; `value` is empty then. */
  readonly isTombstone?: boolean;
};

/** Where a record is in its log. Offsets are below 2^53. */
export type Position = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
};

/** A record that a source has delivered and that must be settled. Only the pipeline settles. */
export type Delivery = LogRecord & {
  readonly position: Position;
  /**
   * Call it once, when the outcome is durable. A delivery that is not settled is delivered again
   * after a restart.
   */
  settle(outcome: Outcome): void;
};

export type Product = {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly category: string | null;
  readonly price: number;
};

/** A valid event. Only `parseEvent` makes one. */
export type ProductEvent = {
  /** The id that the client sent. */
  readonly eventId: string;
  /** Identifies the event in the store (see `storedIdOf`). */
  readonly id: string;
  readonly eventType: EventType;
  /** UTC ms. Also the version of the stored event. */
  readonly timestamp: number;
  readonly userId: string;
  readonly sessionId: string;
  readonly product: Product | null;
  readonly searchQuery: string | null;
  /** The whole valid event as JSON text, with unknown fields. Stored and returned unchanged. */
  readonly payload: string;
};

/** Why an event goes to the dead-letter queue. */
export const deadLetterReasons = [
  'not_json',
  'invalid_event',
  'too_large',
  /** Nothing else is wrong with the event: once its time has come, it can be replayed. */
  'timestamp_ahead',
  'embedding_failed',
  'store_rejected',
  /** Another event has the same id in the store: one `event_id` is the UUIDv5 of the other. */
  'id_conflict',
] as const;
export type DeadLetterReason = (typeof deadLetterReasons)[number];

/** Why an event cannot be stored. It is a value and is never thrown. */
export type Rejection = {
  readonly reason: DeadLetterReason;
  /** Names the field, the value received and the values allowed. */
  readonly message: string;
  /** Dotted path of the invalid field; `null` when it is not about one field. */
  readonly field: string | null;
  /** The event's own id; `null` when it could not be read. */
  readonly eventId: string | null;
  /** UTC ms, for the reason `timestamp_ahead`; `null` for the others. */
  readonly timestampAhead: number | null;
};

/** The text of an event that is to be embedded. Only `documentOf` makes one. */
export type Document = {
  /** UUIDv5 of the text. Events with the same text share one vector under this id. */
  readonly textId: string;
  readonly text: string;
  readonly kind: 'product' | 'query';
  readonly event: ProductEvent;
};

/** Who computed a vector, so that the vectors of a faulty runner can be found and replaced. */
export type Provenance = {
  /** Id of the runner's session, unique per connection. */
  readonly runnerSession: string;
  readonly runnerName: string;
  readonly device: string;
  readonly dtype: string;
  /** UTC ms. */
  readonly embeddedAt: number;
  /** When the session had last passed a golden check, UTC ms. */
  readonly checkedAt: number;
};

/** A unit vector, with as many components as the index has dimensions, and who computed it. */
export type Embedding = { readonly vector: Float32Array; readonly provenance: Provenance };

/** The end of one event. Each of these is final and durable. */
export type Outcome =
  | { readonly status: 'stored' }
  /** The store already had this event in the same or a newer version. Counts as stored. */
  | { readonly status: 'superseded' }
  | { readonly status: 'dead-lettered'; readonly reason: DeadLetterReason }
  /** The record holds no event, and nothing is wrong with it: see `readRecord`. */
  | { readonly status: 'ignored' }
  /** The event is of a person, a session or an event that was erased: it is kept nowhere. */
  | { readonly status: 'erased' };

// ── Event source and sink ──────────────────────────────────────────────────────────────────────

/** How many records of a partition come after its last commit. */
export type PartitionLag = { readonly partition: number; readonly lag: number };

/**
 * Where events come from. Delivery is at-least-once: every record that was not settled before a
 * crash is delivered again.
 *
 * - `deliveries` is called once. It yields batches that are not empty, in offset order within a
 *   partition. A consumer applies backpressure by not pulling. The iteration ends when the signal
 *   aborts. While the log is down it waits and retries (see `health`).
 * - A partition is committed up to its first unsettled record, and never after it was revoked.
 * - Disposing commits what is settled, ends `deliveries`, and closes. Later settles are ignored.
 */
export type EventSource = AsyncDisposable & {
  readonly kind: 'kafka' | 'embedded' | 'memory';
  deliveries(signal: AbortSignal): AsyncIterable<readonly Delivery[]>;
  /**
   * Of the partitions that this member of the group holds. Throws `DependencyError` while it is not
   * known, such as before the log has answered for the first time.
   */
  lag(): Promise<readonly PartitionLag[]>;
  /** How many deliveries are not settled yet. */
  unsettled(): number;
  /** `null` while all is well, else one line that names the problem. */
  health(): string | null;
};

/** Where `POST /events` and the event generator write records. */
export type EventSink = AsyncDisposable & {
  /**
   * Resolves when every record is durable (fsynced, or acknowledged by the broker), with the
   * positions in input order. Until then the sender must not change their bytes.
   *
   * @throws DependencyError when the log did not accept the records
   * @throws LogFullError (retryable) when the log has reached its bound
   */
  append(records: readonly LogRecord[]): Promise<readonly Position[]>;
  /**
   * Empties the records about a person that were made until then: of each, only the place stays,
   * with the header `x-erased`. The work per call is bounded; call again from `next` until it is
   * `null`. Absent where the log belongs to others, as in Kafka.
   */
  readonly erase?: (request: LogErasure) => Promise<{
    readonly records: number;
    readonly next: { readonly partition: number; readonly offset: number } | null;
  }>;
};

export type LogErasure = {
  readonly userId: string;
  readonly sessionIds: readonly string[];
  /** UTC ms. */
  readonly until: number;
  readonly from: { readonly partition: number; readonly offset: number };
};

// ── Vector store ───────────────────────────────────────────────────────────────────────────────

/** A text with its vector. It is stored once, however many events refer to it. */
export type TextRecord = {
  readonly id: string;
  readonly text: string;
  readonly kind: 'product' | 'query';
  /** The product of the event that the text came from; `null` for a query. */
  readonly product: Product | null;
  readonly embedding: Embedding;
};

/** An event that refers to a stored text. Its version is `event.timestamp`. */
export type EventRecord = {
  readonly event: ProductEvent;
  readonly textId: string;
  /** UTC ms. Retention goes by this time. */
  readonly ingestedAt: number;
  /** Replaces no stored event: if one has this id, this one is `superseded` in any version. */
  readonly insertOnly?: boolean;
  /** When its record was made, UTC ms. Not stored. */
  readonly madeAt?: number;
};

/** What became of one item of a write. */
export type WriteOutcome =
  | { readonly status: 'stored' }
  /** The store already has the event in the same or a newer version. */
  | { readonly status: 'superseded' }
  /** The store has another event under this id: one with the raw id `rawId` (see `rawIdOf`). */
  | { readonly status: 'id-conflict'; readonly rawId: string }
  /** See `Outcome`. Only the pipeline says so; a store never does. */
  | { readonly status: 'erased' }
  /** The store does not have the event's text. Put the text again, then the event. */
  | { readonly status: 'missing-text' }
  /** The store refuses the item for its content. */
  | { readonly status: 'rejected'; readonly message: string };

/**
 * Selects events. An event matches when it meets every condition that is present. Times are UTC ms;
 * bounds of times and prices are inclusive.
 */
export type EventFilter = {
  readonly eventTypes?: readonly EventType[];
  readonly categories?: readonly string[];
  readonly userId?: string;
  readonly sessionId?: string;
  readonly textIds?: readonly string[];
  readonly productId?: string;
  readonly priceMin?: number;
  readonly priceMax?: number;
  readonly since?: number;
  readonly until?: number;
};

export type StoredEvent = {
  readonly id: string;
  readonly textId: string;
  readonly timestamp: number;
  readonly ingestedAt: number;
  readonly payload: string;
};

export type SearchRequest = {
  /** Unit vector. */
  readonly vector: Float32Array;
  /** 1…1000 */
  readonly limit: number;
  readonly filter: EventFilter;
  /** The lowest score of a hit. */
  readonly scoreMin?: number;
  /** Texts to leave out, at most 1000. */
  readonly exceptTextIds?: readonly string[];
  /** Return only hits that rank after this one, which is the last hit of the page before. */
  readonly after?: SearchCursor;
  /** Runs after all other queries. */
  readonly lowPriority?: boolean;
};

/** The rank of a hit: by score, then newest matching event, then text id. */
export type SearchCursor = {
  readonly score: number;
  /** Time of its newest matching event, UTC ms. */
  readonly newestAt: number;
  readonly textId: string;
};

/** A text near the query, with the events that match the filter (at least one). */
export type SearchHit = {
  /** Cosine similarity, -1…1. */
  readonly score: number;
  readonly textId: string;
  readonly text: string;
  readonly product: Product | null;
  readonly events: {
    readonly total: number;
    readonly byType: Readonly<Partial<Record<EventType, number>>>;
  };
  readonly newest: StoredEvent;
};

/**
 * Asks for the products of the sessions that share most with a visitor's products. The formula is
 * in core/analysis/session-neighbours.ts. A session _touches_ a product with an event of one of
 * `touchTypes`.
 */
export type NeighbourRequest = {
  /** Distinct products and how much each counts; 1…100. */
  readonly touched: readonly { readonly productId: string; readonly weight: number }[];
  /** Only events that match make a product a result. */
  readonly filter: EventFilter;
  /** Types of the events that make two sessions alike. */
  readonly touchTypes: readonly EventType[];
  /** Only products that a session touched after one of `touched`, and later than it. */
  readonly onlyLater: boolean;
  /** Sessions that are not used, such as the visitor's own; at most 1000. */
  readonly exceptSessionIds: readonly string[];
  /** 1…1000 results. */
  readonly limit: number;
  /** How many of the newest touches of each product are read, 1…1000. */
  readonly touchesPerProduct: number;
  /** How many sessions are used, 1…1000. */
  readonly sessionsMax: number;
  /** How many of the newest touches of each session are read, 1…200. */
  readonly touchesPerSession: number;
  /** The share of a session's weight that fades with its age, 0…1. */
  readonly fadingShare: number;
  /** The age at which half of that share is gone. */
  readonly halfLifeMs: number;
};

/** A product of the neighbouring sessions. */
export type NeighbourProduct = {
  readonly productId: string;
  /** As the newest of its events in these sessions describes it. */
  readonly product: Product;
  /** The text of that event. */
  readonly textId: string;
  /** The sum of the weights of its sessions, above 0. */
  readonly score: number;
  /** How many of the sessions used touched it. */
  readonly sessions: number;
  /** The product of `touched` that led to it with the largest weight. */
  readonly ledBy: string;
};

export type NeighbourProducts = {
  /** By descending score, then product id. */
  readonly items: readonly NeighbourProduct[];
  /** How many sessions were used. */
  readonly sessions: number;
  /** How many products they touched, summed over the sessions. */
  readonly touches: number;
};

/** Asks for product texts near others. */
export type SimilarRequest = {
  /** Texts to start from, 1…100. Those that are not known are left out. */
  readonly textIds: readonly string[];
  /** Only texts with a matching event. */
  readonly filter: EventFilter;
  /** 1…500 */
  readonly limit: number;
};

export type SimilarProduct = {
  readonly product: Product;
  readonly textId: string;
  /** Cosine of the text and the mean of the texts to start from. */
  readonly score: number;
};

export type CountsRequest = {
  /** With `category` or `productId`, events without one are not counted. */
  readonly by: 'textId' | 'category' | 'eventType' | 'productId';
  readonly filter: EventFilter;
  /** 1…10,000 groups. */
  readonly limit: number;
};

export type Count = { readonly value: string; readonly count: number };

export type StoreCounts = { readonly texts: number; readonly events: number };

/** A stored text without its vector. */
export type BareText = Omit<TextRecord, 'embedding'>;

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
 * - `knownTexts`, `vectors`, `search` and `embeddedBy` leave it out.
 * - `texts` and `counts` still include it, and `withheld` lists it.
 * - Its events stay, in `events`, `event` and `countsBy` too, and `putEvents` accepts more of them.
 * - `forget` treats it like any other text.
 * - `putTexts` gives it a new vector and ends the withholding.
 */
export type ProvenanceStore = {
  /** Creates or replaces the session's mark. */
  mark(mark: SessionMark): Promise<void>;
  unmark(runnerSession: string): Promise<void>;
  /** At most 10,000, in no particular order. */
  marks(): Promise<readonly SessionMark[]>;
  /** In no particular order. Leaves out texts that another session has embedded since. */
  embeddedBy(work: SessionWork, limit: number): Promise<readonly BareText[]>;
  /** Withholds all of these texts. */
  withhold(work: SessionWork): Promise<void>;
  /** Withheld texts, in no particular order. */
  withheld(limit: number): Promise<readonly BareText[]>;
  /** Stored texts in order of their ids, withheld ones included; `after`: the last id of a page. */
  textsAfter(after: string | null, limit: number): Promise<readonly BareText[]>;
};

/** Whose events are erased: those of a user or of a session, or one event by its stored id. */
export type ErasureSubject = { readonly kind: 'user' | 'session' | 'event'; readonly id: string };

/**
 * Says that what a subject did until `at` (UTC ms) is erased. `mark` is a keyed hash of the
 * subject, so that the id itself is kept nowhere. Tombstones are kept for ever, because a source
 * may deliver old records again at any time.
 */
export type Tombstone = { readonly mark: string; readonly at: number };

/** The erasure of a person: at most one for each user, which a later one replaces. */
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
  /** The secret of the marks: made at the first call, and the same in every gateway. */
  key(): Promise<Uint8Array>;
  /** Of two with one mark the later stays. */
  addTombstones(tombstones: readonly Tombstone[]): Promise<void>;
  /** Those with this time (UTC ms) or a later one, in no particular order. */
  tombstonesSince(at: number): Promise<readonly Tombstone[]>;
  putRequest(request: ErasureRequest): Promise<void>;
  request(id: string): Promise<ErasureRequest | null>;
  /** Those that are not finished, at most 1,000. */
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

/**
 * What an index holds. A store that was created for another identity refuses writes, because new
 * vectors could not be compared with its own. Its error says how to migrate.
 */
export type IndexIdentity = {
  readonly modelId: string;
  /** The model's vector revision. */
  readonly modelRevision: string;
  /** Other revisions whose vectors may be compared with these. Absent: none. */
  readonly compatibleRevisions?: readonly string[];
  readonly dimensions: number;
  /** SHA-256 of the text template. */
  readonly templateHash: string;
};

/**
 * Where vectors and events live. A store is opened for one `IndexIdentity`, and its factory throws
 * `IndexMismatchError` when the stored data has another.
 *
 * - A write is applied and searchable when it resolves. Writes are idempotent.
 * - A write returns one outcome per item, in order.
 * - Every call may throw `DependencyError`. If it is retryable (network, busy, 5xx), the caller
 *   repeats the same call. If it is not, a write holds an item that the store cannot accept, and
 *   the caller halves the batch to find it (see `writeBisecting`).
 * - A _known_ text is one that is stored and not withheld (see `ProvenanceStore`).
 */
export type VectorStore = AsyncDisposable & {
  readonly kind: 'qdrant' | 'embedded' | 'memory';
  /** The most items that a caller puts into one write call. */
  readonly batchMax: { readonly texts: number; readonly events: number };
  readonly provenanceStore: ProvenanceStore;
  readonly erasureStore: ErasureStore;
  /**
   * Those of these texts that are known. A text without events is then kept for a whole grace
   * period more (see `forget`), because its event is about to be written.
   */
  knownTexts(ids: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * Rejects a vector that is not finite, not of unit length or not of the index's dimension. A text
   * that is already stored keeps its id and gets the new vector.
   */
  putTexts(texts: readonly TextRecord[]): Promise<readonly WriteOutcome[]>;
  /**
   * A newer version of an event replaces the stored one; the same or an older version is
   * `superseded`. An event whose raw id is not that of the stored one is an `id-conflict` in any
   * version; events that were stored without their raw id, by older versions of this program,
   * conflict with none. An item with `insertOnly` replaces nothing. Two items with the same id are
   * applied one after the other.
   */
  putEvents(events: readonly EventRecord[]): Promise<readonly WriteOutcome[]>;
  /**
   * The nearest known texts that have an event matching the filter, ranked as in `SearchCursor`.
   * Queries take part only when the filter's `eventTypes` includes `search`.
   */
  search(request: SearchRequest): Promise<readonly SearchHit[]>;
  /**
   * The products of the sessions that share most with these products. Which touches with the same
   * time are read, and which sessions with the same weight are used, is undefined at the bounds.
   */
  sessionNeighbours(request: NeighbourRequest): Promise<NeighbourProducts>;
  /**
   * The known product texts nearest to the mean of these texts, by descending score, without the
   * texts themselves. An index that searches approximately may miss some.
   */
  similarProducts(request: SimilarRequest): Promise<readonly SimilarProduct[]>;
  /**
   * The newest event about each of these products, by product id; searches do not count. Of several
   * in the same millisecond, any.
   */
  newestOfProducts(productIds: readonly string[]): Promise<ReadonlyMap<string, StoredEvent>>;
  /** Those of these texts that are stored, withheld ones included. */
  texts(textIds: readonly string[]): Promise<ReadonlyMap<string, BareText>>;
  /** The vectors of those of these texts that are known. */
  vectors(textIds: readonly string[]): Promise<ReadonlyMap<string, Float32Array>>;
  /** Newest first (by timestamp, then id). `after` is the last event of the page before. */
  events(
    filter: EventFilter,
    limit: number,
    after?: { readonly timestamp: number; readonly id: string },
  ): Promise<readonly StoredEvent[]>;
  event(id: string): Promise<StoredEvent | null>;
  /**
   * Counts matching events by one field. Returns the largest groups, by count, then value; which
   * groups of equal size fall beyond the limit is undefined. May take seconds with millions of
   * events, and blocks no other call.
   */
  countsBy(request: CountsRequest): Promise<readonly Count[]>;
  counts(): Promise<StoreCounts>;
  /**
   * Deletes events ingested before `ingestedBefore`, and texts that have had no event for longer
   * than `textGraceMs`. That must exceed the lifetime of every cached known text. The work per call
   * is bounded; while `more` is true, call again.
   */
  forget(request: {
    readonly ingestedBefore: number;
    readonly now: number;
    readonly textGraceMs: number;
  }): Promise<{ readonly events: number; readonly texts: number; readonly more: boolean }>;
};

// ── Dead letters ───────────────────────────────────────────────────────────────────────────────

/** A record that could not be stored, and why. */
export type DeadLetter = LogRecord & {
  /**
   * UUIDv5 of the origin and the record (see `deadLetterId`), so that the same failure is one dead
   * letter however often it occurs.
   */
  readonly id: string;
  readonly origin: Position;
  readonly reason: DeadLetterReason;
  readonly message: string;
  readonly field: string | null;
  readonly eventId: string | null;
  /** UTC ms. */
  readonly failedAt: number;
  /** How often it was tried. */
  readonly attempts: number;
  /** Name of the runner that failed last; `null` when no runner failed. */
  readonly runner: string | null;
};

export const deadLetterStates = ['open', 'replayed', 'purged'] as const;
export type DeadLetterState = (typeof deadLetterStates)[number];

/** What operators have done with a dead letter. A new one has `openStatus`. */
export type DeadLetterStatus = {
  readonly state: DeadLetterState;
  /** How often the dead letter was replayed: its record was appended to the source again. */
  readonly replays: number;
  /** The last replay: when (UTC ms), by whom, and the new position. */
  readonly replay: { readonly at: number; readonly by: string; readonly position: Position } | null;
  readonly purge: { readonly at: number; readonly by: string } | null;
};
export const openStatus: DeadLetterStatus = {
  state: 'open',
  replays: 0,
  replay: null,
  purge: null,
};

export type DeadLetterEntry = DeadLetter &
  DeadLetterStatus & {
    /**
     * Size of the original value. `value` is shorter when a list has cut it, when the queue had to
     * cut it, and after a purge.
     */
    readonly valueBytes: number;
  };
export type DeadLetterQuery = {
  readonly reason?: DeadLetterReason;
  readonly state?: DeadLetterState;
  /** Bounds of `failedAt`, inclusive, UTC ms. */
  readonly since?: number;
  readonly until?: number;
  /** Occurs in the message or the value; 1…200 characters. `A` to `Z` also match `a` to `z`. */
  readonly text?: string;
  /** Values are cut to this many bytes, so that a page of large values stays small. */
  readonly valueBytesMax: number;
  /** 1…1000 */
  readonly limit: number;
  /** The last entry of the page before. */
  readonly after?: DeadLetterCursor;
};
export type DeadLetterCursor = { readonly failedAt: number; readonly id: string };

/**
 * The dead-letter queue. `put` and `setStatus` are durable when they resolve, and may throw
 * `DependencyError`.
 */
export type DeadLetters = AsyncDisposable & {
  readonly kind: 'kafka' | 'embedded' | 'memory';
  /**
   * Idempotent by id: a dead letter that is already there stays as it is, with its status. One of
   * an earlier version counts as there too when its id is `deadLetterIdOfPosition` and its key,
   * value and timestamp are the same.
   */
  put(deadLetters: readonly DeadLetter[]): Promise<void>;
  /**
   * The last status of an id wins, and unknown ids are ignored. A purge deletes the key, value and
   * headers permanently.
   */
  setStatus(
    changes: readonly { readonly id: string; readonly status: DeadLetterStatus }[],
  ): Promise<void>;
  /** Removes dead letters as if they had never been there; unknown ids are ignored. */
  erase(ids: readonly string[]): Promise<void>;
  /** Newest first (by failedAt, then id). */
  list(query: DeadLetterQuery): Promise<readonly DeadLetterEntry[]>;
  /** With the whole value. */
  get(id: string): Promise<DeadLetterEntry | null>;
  stats(): Promise<{
    readonly byState: Readonly<Record<DeadLetterState, number>>;
    readonly byReason: Readonly<Partial<Record<DeadLetterReason, number>>>;
    /** `failedAt` of the oldest open dead letter; `null` when none is open. */
    readonly oldestOpenAt: number | null;
  }>;
};

// ── Runners ────────────────────────────────────────────────────────────────────────────────────

export type EmbedderInfo = {
  readonly device: 'cpu' | 'webgpu' | 'cuda' | 'wasm';
  readonly dtype: string;
  /** The adapter's own name; for a CPU, its model name. */
  readonly adapter: string;
  readonly softwareAdapter: boolean;
  readonly modelId: string;
  readonly modelRevision: string;
  readonly dimensions: number;
  /** Measured during warm-up, on texts like those of the stream. */
  readonly textsPerSecond: number;
};

/** What became of one text. */
export type EmbedOutcome =
  /**
   * `tokens` counts the whole text with its special tokens, before it was cut to the model's
   * maximum length. It is absent when the tokens were not counted.
   */
  | { readonly ok: true; readonly vector: Float32Array; readonly tokens?: number }
  | { readonly ok: false; readonly code: string; readonly message: string };

/**
 * A loaded model in a runner. `embed` returns one outcome per text, in order. It throws only when
 * the model session can no longer be trusted; the process or worker must then end. Calls do not
 * overlap.
 */
export type Embedder = AsyncDisposable & {
  readonly info: EmbedderInfo;
  /** `onBatch`: called after each part of the work, as a sign of life. */
  embed(texts: readonly string[], onBatch?: () => void): Promise<readonly EmbedOutcome[]>;
};

/**
 * An open connection for messages: a WebSocket in Node or in the browser, or a pair in memory.
 * Frames arrive whole and in order.
 */
export type Channel = {
  /** Not after `close`. When the other side has closed, the frame is dropped. */
  send(frame: string | Uint8Array): void;
  /** Bytes that `send` has accepted and that are not yet handed to the network. */
  bufferedAmount(): number;
  close(code: number, reason: string): void;
  /** Called once. Frames that arrive earlier are kept until then. */
  listen(handlers: {
    frame(frame: string | Uint8Array): void;
    /** Called once, whichever side closed. No frame comes after it. */
    closed(code: number, reason: string): void;
  }): void;
};

/** What became of one text that was given to the fleet. */
export type FleetResult =
  /** `tokens` is the runner's count (see `EmbedOutcome`). */
  | { readonly ok: true; readonly embedding: Embedding; readonly tokens?: number }
  /** No runner could embed it, even alone and after every allowed attempt. */
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      readonly attempts: number;
      readonly runner: string | null;
    };

/**
 * The fleet of runners, as the pipeline and the search see it. A text waits while no runner has
 * passed its checks. When a runner is lost, another one embeds the text. A text that makes runners
 * fail is tried alone, and in the end resolves with `ok: false`. `search` and `request` go before
 * `repair`, and that before `bulk`. A search that is not answered soon goes to a second runner too;
 * a repair goes to trusted runners, where there are any. `embed` rejects with the signal's reason,
 * or with a retryable `DependencyError` when the fleet is full or closed.
 */
export type EmbeddingService = {
  embed(
    text: string,
    options: {
      readonly priority: 'search' | 'request' | 'repair' | 'bulk';
      readonly signal: AbortSignal;
    },
  ): Promise<FleetResult>;
};
