// What a store is asked, and what it answers.

import type { EventType, Product } from './events.ts';
import type { CatalogueProduct } from './product-catalogue.ts';
import type { StoredEvent } from './stored-records.ts';

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

/** A text that may become a hit. */
export type SearchCandidate = {
  readonly textId: string;
  /** `null`: it is about none, or that is not known yet. */
  readonly productId: string | null;
};

/**
 * A store whose searches wait for a network calls it with texts that may become hits, as soon as it
 * knows them. What else is read about them is then read in the meantime.
 */
export type OnCandidates = (candidates: readonly SearchCandidate[]) => void;

/** The rank of a hit: by score, then newest matching event, then text id. */
export type SearchCursor = {
  readonly score: number;
  /** Time of its newest matching event, UTC ms; 0 without any. */
  readonly newestAt: number;
  readonly textId: string;
};

/** A text near the query, with the events that match the filter. */
export type SearchHit = {
  /** Cosine similarity, -1…1; of a search by words, its score, above 0. */
  readonly score: number;
  readonly textId: string;
  readonly text: string;
  readonly product: Product | CatalogueProduct | null;
  readonly events: {
    readonly total: number;
    readonly byType: Readonly<Record<string, number>>;
  };
  /** `null` for a text that only the catalogue has. */
  readonly newest: StoredEvent | null;
};

/**
 * Numbered features (32 bits, distinct) and how much each counts: see
 * core/vectors/lexical/word-features.ts, which makes them.
 */
export type WordFeatures = {
  readonly ids: readonly number[];
  readonly weights: readonly number[];
};

export type WordSearchRequest = Pick<SearchRequest, 'limit' | 'filter'> & {
  readonly features: WordFeatures;
};

export type WordSearchHit = SearchHit & {
  /** The brands of the products of the catalogue that are sold and have this text, distinct. */
  readonly brands: readonly string[];
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
  /** The product as the newest of its events in these sessions describes it. */
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
  /** Products by descending score, then product id. */
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

export const sharingProductsMax = 200;

/** Asks for the products that share texts with others. */
export type SharingRequest = {
  /** At most 300. */
  readonly textIds: readonly string[];
  /** Products to leave out, at most 300. */
  readonly exceptProductIds: readonly string[];
};

export type CountsRequest = {
  /** The field to count by. With `category` or `productId`, events without one are not counted. */
  readonly by: 'textId' | 'category' | 'eventType' | 'productId';
  readonly filter: EventFilter;
  /** 1…10,000 groups. */
  readonly limit: number;
};

export type Count = { readonly value: string; readonly count: number };

export type StoreCounts = { readonly texts: number; readonly events: number };

/** An event, as far as a funnel reads it. */
export type FunnelTouch = {
  readonly sessionId: string;
  readonly timestamp: number;
  readonly eventType: EventType;
  /** `null` for a search. */
  readonly productId: string | null;
  readonly category: string | null;
  readonly textId: string;
};

/** Asks how far sessions get. How they are counted is in core/analysis/funnel.ts. */
export type FunnelRequest = {
  /** `query`: by the text id of the last search. */
  readonly by: 'product' | 'category' | 'query';
  /** By event time, both inclusive, UTC ms. */
  readonly since: number;
  readonly until: number;
  /** A session with an event since then may still go on: it has left nothing behind yet. */
  readonly idleSince: number;
  /** Which types of events take which step. */
  readonly places: Readonly<Record<'view' | 'cart' | 'purchase', readonly EventType[]>>;
  /** How many of the newest events are read, 1…50,000. */
  readonly eventsMax: number;
  /** 1…1000 groups. */
  readonly limit: number;
};

/** Numbers of sessions. */
export type FunnelGroup = {
  readonly key: string;
  readonly searched: number;
  /** Nothing was touched after the last search. */
  readonly untouched: number;
  readonly viewed: number;
  /** Put into the cart what was viewed before. */
  readonly carted: number;
  readonly purchased: number;
  /** Something stayed in the cart. */
  readonly cartsLeft: number;
};

export type Funnel = {
  readonly total: FunnelGroup;
  /** Most viewed first, or most searched; then by key. */
  readonly groups: readonly FunnelGroup[];
  readonly sessions: number;
  /** How many events were read. */
  readonly events: number;
  /** The time of the oldest of these; `null` without any. */
  readonly oldestAt: number | null;
};
