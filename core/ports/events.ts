// What an event is on its way: a record, a delivery, an event, a document, an outcome.

/** What visitors of a shop do. The settings may add others. */
export const eventTypes = [
  'view',
  'add_to_cart',
  'remove_from_cart',
  'purchase',
  'wishlist_add',
  'search',
] as const;
/** One of these, or one that the settings add. */
export type EventType = string;

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
  /** Chooses the partition in place of the key, where it is written; it is not stored. */
  readonly partitionKey?: Uint8Array;
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
  /** The record deleted what its key or its row names: see `readDelete`. */
  | { readonly status: 'deleted' }
  /** The event is of a person, a session or an event that was erased: it is kept nowhere. */
  | { readonly status: 'erased' };
