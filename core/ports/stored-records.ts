// What a store holds, and what becomes of each item of a write.

import type { Embedding, Product, ProductEvent } from './events.ts';

/** A text with its vector. It is stored once, however many events refer to it. */
export type TextRecord = {
  readonly id: string;
  readonly text: string;
  readonly kind: 'product' | 'query';
  /** The product of the event that the text came from; `null` for a query. */
  readonly product: Product | null;
  readonly embedding: Embedding;
};

/** A stored text without its vector. */
export type BareText = Omit<TextRecord, 'embedding'>;

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

export type StoredEvent = {
  readonly id: string;
  readonly textId: string;
  readonly timestamp: number;
  readonly ingestedAt: number;
  readonly payload: string;
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
