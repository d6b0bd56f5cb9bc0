// The types that cross a boundary: what flows along the arrow, and the contracts of everything that
// does I/O.

/** The six behaviours of a shop's visitor that VectorStream understands. */
export const eventTypes = [
  'view',
  'add_to_cart',
  'remove_from_cart',
  'purchase',
  'wishlist_add',
  'search',
] as const;
export type EventType = (typeof eventTypes)[number];

/**
 * Wall clock, monotonic clock and timer in one place, so that every wait in the program can be
 * driven by a test.
 */
export type Clock = {
  /** UTC, milliseconds since 1970. May jump. */
  now(): number;
  /** Milliseconds since an arbitrary origin. Never goes back: durations and deadlines use this one. */
  monotonic(): number;
  /**
   * Resolves after `ms`; rejects with `signal.reason` as soon as the signal aborts. Leaves no
   * listener behind.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};

// ── Along the arrow ─────────────────────────────────────────────────────────────────────────────────────────────────

/** One record as a client hands it to a log: bytes, nothing interpreted. */
export type LogRecord = {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array;
  readonly headers: Readonly<Record<string, Uint8Array>>;
  /** When the record was made, UTC ms. */
  readonly timestamp: number;
};

/** Where a record stands in its log. Offsets stay below 2^53. */
export type Position = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
};

/**
 * A record on loan from a source: whoever finishes the event says so once, through `settle`. Only
 * the pipeline settles.
 */
export type Delivery = LogRecord & {
  readonly position: Position;
  /**
   * Called once, when the outcome is durable. A delivery that is never settled comes again after a
   * restart.
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

/** A valid event. Made only by `parseEvent`. */
export type ProductEvent = {
  /** As the client sent it. */
  readonly eventId: string;
  /** `eventId` when that is a UUID, else UUIDv5 of it: the identity in the store. */
  readonly id: string;
  readonly eventType: EventType;
  /** UTC ms; also the version of the stored event. */
  readonly timestamp: number;
  readonly userId: string;
  readonly sessionId: string;
  readonly product: Product | null;
  readonly searchQuery: string | null;
  /** The whole event as JSON text, validated, unknown fields kept: what is stored and shown. */
  readonly payload: string;
};

/** Why an event goes to the dead-letter queue. */
export const deadLetterReasons = [
  'not_json',
  'invalid_event',
  'too_large',
  'embedding_failed',
  'store_rejected',
] as const;
export type DeadLetterReason = (typeof deadLetterReasons)[number];

/** A "no" to bad input: a value, never thrown. */
export type Rejection = {
  readonly reason: DeadLetterReason;
  /** Says which field, what was got and what is allowed. */
  readonly message: string;
  /** Dotted path of the offending field, when it is one field. */
  readonly field: string | null;
  /** The event's own id, when it could be read. */
  readonly eventId: string | null;
};

/** A text to embed, with the identity under which its vector is stored. Made only by `documentOf`. */
export type Document = {
  /** UUIDv5 of the text. */
  readonly textId: string;
  readonly text: string;
  readonly kind: 'product' | 'query';
  readonly event: ProductEvent;
};

/** Who computed a vector, so that a wrong runner's work can be found and redone. */
export type Provenance = {
  /** The runner's session id, unique per connection. */
  readonly runnerSession: string;
  readonly runnerName: string;
  readonly device: string;
  readonly dtype: string;
  /** UTC ms. */
  readonly embeddedAt: number;
  /** UTC ms of the last golden check that the session had passed. */
  readonly checkedAt: number;
};

/** A unit vector and where it came from. `vector.length` is the index's dimension. */
export type Embedding = { readonly vector: Float32Array; readonly provenance: Provenance };

/** What became of one event. Every one of these is final and durable. */
export type Outcome =
  | { readonly status: 'stored' }
  /** The store already had this event in the same or a newer version; counts as stored. */
  | { readonly status: 'superseded' }
  | { readonly status: 'dead-lettered'; readonly reason: DeadLetterReason };

// ── Event source ────────────────────────────────────────────────────────────────────────────────────────────────────

export type PartitionLag = { readonly partition: number; readonly lag: number };

/**
 * Where events come from. At-least-once: whatever was not settled before a crash is delivered
 * again.
 *
 * - `deliveries` is called once. It yields non-empty batches, in offset order within a partition.
 *   Backpressure is not pulling. It ends when the signal aborts; it waits and retries while its
 *   dependency is down (see `health`).
 * - A commit covers the contiguous settled head of a partition only, and never a partition that was
 *   revoked.
 * - Disposing commits what is settled, stops, and closes. Deliveries settled later are ignored.
 */
export type EventSource = AsyncDisposable & {
  readonly kind: 'kafka' | 'embedded' | 'memory';
  deliveries(signal: AbortSignal): AsyncIterable<readonly Delivery[]>;
  /** Records in the log after the last commit, for the partitions this member holds. */
  lag(): Promise<readonly PartitionLag[]>;
  /** Delivered and not yet settled. */
  unsettled(): number;
  /** `null` while all is well, else one line that names the trouble. */
  health(): string | null;
};

/** Where `POST /events` and the generator put events. */
export type EventSink = AsyncDisposable & {
  /**
   * Resolves when every record is durable (fsynced, or acknowledged by the broker), with positions
   * in input order. Throws `DependencyError`; `LogFullError` (retryable) when the log's bound is
   * reached.
   */
  append(records: readonly LogRecord[]): Promise<readonly Position[]>;
};

// ── Vector store ────────────────────────────────────────────────────────────────────────────────────────────────────

/** A text with its vector, stored once however many events refer to it. */
export type TextRecord = {
  readonly id: string;
  readonly text: string;
  readonly kind: 'product' | 'query';
  /** The product it came from; `null` for a query. */
  readonly product: Product | null;
  readonly embedding: Embedding;
};

/** An event that refers to a stored text. Its version is `event.timestamp`. */
export type EventRecord = {
  readonly event: ProductEvent;
  readonly textId: string;
  /** UTC ms; what retention goes by. */
  readonly ingestedAt: number;
};

/**
 * One per item of a write, in order. `missing-text`: the text it refers to is gone; put the text
 * again, then the event.
 */
export type WriteOutcome =
  | { readonly status: 'stored' }
  | { readonly status: 'superseded' }
  | { readonly status: 'missing-text' }
  | { readonly status: 'rejected'; readonly message: string };

/**
 * Which events count. Every member that is present must match; all are on events. Times in UTC ms,
 * both ends included.
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
  /** No hit scores less. */
  readonly scoreMin?: number;
  /** These are left out; up to 1000. */
  readonly exceptTextIds?: readonly string[];
  /** Only what comes behind this place: where the last hit of the page before stood. */
  readonly after?: SearchCursor;
  /** Nobody waits for it: it lets all others go first. */
  readonly lowPriority?: boolean;
};

/** Where a hit stands in the order of hits. */
export type SearchCursor = {
  readonly score: number;
  /** Of its newest matching event, UTC ms. */
  readonly newestAt: number;
  readonly textId: string;
};

/** A distinct text near the query, with the events that match the filter (at least one). */
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

export type CountsRequest = {
  /** Events without a category are in no group of `category`. */
  readonly by: 'textId' | 'category' | 'eventType';
  readonly filter: EventFilter;
  /** 1…10,000 groups */
  readonly limit: number;
};

export type Count = { readonly value: string; readonly count: number };

export type StoreCounts = { readonly texts: number; readonly events: number };

/** A text as it is stored, but for its vector. */
export type BareText = Omit<TextRecord, 'embedding'>;

/** Until when a runner's work is known to be right; kept while some of it is not. */
export type SessionMark = {
  /** A UUID. */
  readonly runnerSession: string;
  /** UTC ms: what it embedded before has passed its checks. */
  readonly verifiedUntil: number;
  /** UTC ms: when a gateway last said that it looks after this session. */
  readonly renewedAt: number;
};

/** Texts that a session embedded at `since` (UTC ms) or later. */
export type SessionWork = { readonly runnerSession: string; readonly since: number };

/**
 * What a store needs so that a wrong runner's work is found and redone, also after a crash and by
 * another gateway. Calls are idempotent, applied when they resolve, and throw as those of the store
 * do.
 */
export type ProvenanceStore = {
  /** Makes or replaces the session's mark. */
  mark(mark: SessionMark): Promise<void>;
  unmark(runnerSession: string): Promise<void>;
  /** At most 10,000, in no order. */
  marks(): Promise<readonly SessionMark[]>;
  /**
   * In no order. A text that somebody else has embedded since, or that is withheld, is not among
   * them.
   */
  embeddedBy(work: SessionWork, limit: number): Promise<readonly BareText[]>;
  /**
   * Takes their vectors from all of these texts: they are not known, not found and have no vector
   * until they are put again. Their events stay and may refer to them.
   */
  withhold(work: SessionWork): Promise<void>;
  /** Texts without a vector, in no order. */
  withheld(limit: number): Promise<readonly BareText[]>;
};

/** What an index holds; a store made for another identity refuses writes and says how to migrate. */
export type IndexIdentity = {
  readonly modelId: string;
  /** SHA-256 of the model's manifest. */
  readonly modelRevision: string;
  readonly dimensions: number;
  /** SHA-256 of the text template. */
  readonly templateHash: string;
};

/**
 * Where vectors and events live. Opened for one `IndexIdentity`; an adapter's factory throws
 * `IndexMismatchError` when the store on disk has another.
 *
 * - Writes are applied and searchable when they resolve, idempotent, and total: one outcome per item,
 *   in order.
 * - Throws `DependencyError`: `retryable` (network, busy, 5xx) → the caller repeats the same call;
 *   not retryable → the caller halves the batch to find the bad item.
 * - `putTexts` refuses (`rejected`) a vector that is not finite, unit length and of the index's
 *   dimension. A text that is there already keeps its id and takes the new vector.
 * - `putEvents`: a newer version overwrites; an older or equal one is `superseded`. The same id twice
 *   in one call: as if they came one after the other.
 */
export type VectorStore = AsyncDisposable & {
  readonly kind: 'qdrant' | 'embedded' | 'memory';
  /** Items per write call that the adapter takes at once. */
  readonly batchMax: { readonly texts: number; readonly events: number };
  readonly provenanceStore: ProvenanceStore;
  knownTexts(ids: readonly string[]): Promise<ReadonlySet<string>>;
  putTexts(texts: readonly TextRecord[]): Promise<readonly WriteOutcome[]>;
  putEvents(events: readonly EventRecord[]): Promise<readonly WriteOutcome[]>;
  /**
   * Nearest distinct texts with at least one event matching the filter, by score, then newest
   * event, then text id. Texts of kind `query` take part only when the filter's `eventTypes`
   * includes `search`.
   */
  search(request: SearchRequest): Promise<readonly SearchHit[]>;
  /** Those of these ids that are known. */
  texts(textIds: readonly string[]): Promise<ReadonlyMap<string, BareText>>;
  /** Vectors of those ids that are known. */
  vectors(textIds: readonly string[]): Promise<ReadonlyMap<string, Float32Array>>;
  /** Newest first (timestamp, then id). `after` is the last item of the page before. */
  events(
    filter: EventFilter,
    limit: number,
    after?: { readonly timestamp: number; readonly id: string },
  ): Promise<readonly StoredEvent[]>;
  event(id: string): Promise<StoredEvent | null>;
  /**
   * Numbers of matching events by one of their fields: the largest groups, by count and then value;
   * which of equals are beyond the limit is not said. May take seconds over millions of events,
   * without holding up any other call.
   */
  countsBy(request: CountsRequest): Promise<readonly Count[]>;
  counts(): Promise<StoreCounts>;
  /**
   * Forgets events taken in before `ingestedBefore`, and texts that have had no event for longer
   * than `textGraceMs` (which must exceed the life of any known-text cache entry). Bounded work per
   * call; `more` says to call again.
   */
  forget(request: {
    readonly ingestedBefore: number;
    readonly now: number;
    readonly textGraceMs: number;
  }): Promise<{ readonly events: number; readonly texts: number; readonly more: boolean }>;
};

// ── Dead letters ────────────────────────────────────────────────────────────────────────────────────────────────────

export type DeadLetter = LogRecord & {
  /** UUIDv5 of the origin position: the same failure twice is the same letter. */
  readonly id: string;
  readonly origin: Position;
  readonly reason: DeadLetterReason;
  readonly message: string;
  readonly field: string | null;
  readonly eventId: string | null;
  /** UTC ms. */
  readonly failedAt: number;
  /** How often it was tried before it was given up. */
  readonly attempts: number;
  /** Name of the runner that failed last, if one did. */
  readonly runner: string | null;
};

export const deadLetterStates = ['open', 'replayed', 'purged'] as const;
export type DeadLetterState = (typeof deadLetterStates)[number];

/** What people have done with a letter; a fresh one is `openStatus`. */
export type DeadLetterStatus = {
  readonly state: DeadLetterState;
  /** How often this letter was put back into the source. */
  readonly replays: number;
  /** The last time that it was: when (UTC ms), by whom, and where it went. */
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
     * Of the original value. `value` is shorter in a list that asks for its beginning, when the
     * queue had to cut it, and after a purge.
     */
    readonly valueBytes: number;
  };
export type DeadLetterQuery = {
  readonly reason?: DeadLetterReason;
  readonly state?: DeadLetterState;
  readonly since?: number;
  readonly until?: number;
  /** In the message or the value, 1…200 characters; `A` to `Z` match `a` to `z`. */
  readonly text?: string;
  /** Values are cut to so many bytes, so that a page of large ones is small. */
  readonly valueBytesMax: number;
  /** 1…1000 */
  readonly limit: number;
  /** The last item of the page before. */
  readonly after?: DeadLetterCursor;
};
export type DeadLetterCursor = { readonly failedAt: number; readonly id: string };

/**
 * The dead-letter queue. `put` and `setStatus` are durable when they resolve; both throw
 * `DependencyError`.
 */
export type DeadLetters = AsyncDisposable & {
  readonly kind: 'kafka' | 'embedded' | 'memory';
  /** Idempotent by id: of the same letter twice the first stays, with its status. */
  put(letters: readonly DeadLetter[]): Promise<void>;
  /**
   * The last word counts. A purged letter loses its key, value and headers for good; unknown ids
   * change nothing.
   */
  setStatus(
    changes: readonly { readonly id: string; readonly status: DeadLetterStatus }[],
  ): Promise<void>;
  /** Newest first (failedAt, then id). */
  list(query: DeadLetterQuery): Promise<readonly DeadLetterEntry[]>;
  /** With the whole value. */
  get(id: string): Promise<DeadLetterEntry | null>;
  stats(): Promise<{
    readonly byState: Readonly<Record<DeadLetterState, number>>;
    readonly byReason: Readonly<Partial<Record<DeadLetterReason, number>>>;
  }>;
};

// ── Runners ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export type EmbedderInfo = {
  readonly device: 'cpu' | 'webgpu' | 'cuda' | 'wasm';
  readonly dtype: string;
  /** What the adapter calls itself; for a CPU its model name. */
  readonly adapter: string;
  readonly softwareAdapter: boolean;
  readonly modelId: string;
  readonly modelRevision: string;
  readonly dimensions: number;
  /** Measured at warm-up on texts like the stream's. */
  readonly textsPerSecond: number;
};

/** One per text, in order. */
export type EmbedOutcome =
  /**
   * `tokens`: of the whole text, special ones included, before it was cut to the model's length;
   * absent when nobody counted.
   */
  | { readonly ok: true; readonly vector: Float32Array; readonly tokens?: number }
  | { readonly ok: false; readonly code: string; readonly message: string };

/**
 * A loaded model on the runner's side. `embed` answers one outcome per text, in order; it throws
 * only when the session as a whole can no longer be trusted, and then the process or worker must
 * end. Calls do not overlap.
 */
export type Embedder = AsyncDisposable & {
  readonly info: EmbedderInfo;
  embed(texts: readonly string[]): Promise<readonly EmbedOutcome[]>;
};

/**
 * A connected message link (WebSocket in Node and browser, a pair in memory). Frames arrive whole
 * and in order.
 */
export type Channel = {
  send(frame: string | Uint8Array): void;
  /** Bytes accepted by `send` and not yet handed to the network. */
  bufferedAmount(): number;
  close(code: number, reason: string): void;
  /**
   * Called once, before the first frame is read; a frame sent by the other side earlier is kept
   * until then.
   */
  listen(handlers: {
    frame(frame: string | Uint8Array): void;
    /** Once, whoever closed; nothing comes after it. */
    closed(code: number, reason: string): void;
  }): void;
};

/** What became of one text handed to the fleet. */
export type FleetResult =
  /** `tokens`: as the runner counted them. */
  | { readonly ok: true; readonly embedding: Embedding; readonly tokens?: number }
  /** No runner could embed it, tried alone as often as allowed. */
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      readonly attempts: number;
      readonly runner: string | null;
    };

/**
 * The fleet as the pipeline and the search see it. A text waits as long as no trusted runner is
 * there; it is embedded by any of them, again by another when one is lost, and ends alone with `ok:
 * false` when it is what makes runners fail. `search` goes before `bulk`. Rejects only with the
 * signal's reason.
 */
export type EmbeddingService = {
  embed(
    text: string,
    options: { readonly priority: 'search' | 'bulk'; readonly signal: AbortSignal },
  ): Promise<FleetResult>;
};
